//! What stands below a command's options in its help: examples that can be typed as they are.

pub(super) const SAMCTL: &str = "\
Examples:
  samctl start                     serve the project in this folder
  samctl status                    what runs
  samctl logs --follow             what its functions print

Environment:
  SAMD_CONTROL      address of the control port
  SAMD_STATE_DIR    state folder [default: $XDG_STATE_HOME/samd, else ~/.local/state/samd]
  SAMD_AUTOSTART=0  samctl never starts samd by itself";

pub(super) const START: &str = "\
Examples:
  samctl start
  samctl start ./shop --port 3000
  samctl start shop
  samctl start ./shop --parameter-overrides Stage=dev 'Title=Two words' --env-vars env.json
  samctl start ./shop --debug-port 5678 --debug-function Orders";

pub(super) const STOP: &str = "\
Examples:
  samctl stop shop";

pub(super) const REMOVE: &str = "\
Examples:
  samctl remove shop";

pub(super) const RELOAD: &str = "\
Examples:
  samctl reload
  samctl reload shop Orders --no-wait";

pub(super) const SET: &str = "\
Examples:
  samctl set shop --port 3001
  samctl set --warm eager --max-concurrency 4
  samctl set shop --debug-port 0";

pub(super) const LIST: &str = "\
Examples:
  samctl list
  samctl list --output json";

pub(super) const STATUS: &str = "\
Examples:
  samctl status
  samctl status shop --output json";

pub(super) const ROUTES: &str = "\
Examples:
  samctl routes shop
  samctl routes --template template.yaml";

pub(super) const FUNCTIONS: &str = "\
Examples:
  samctl functions shop
  samctl functions --template template.yaml";

pub(super) const LOGS: &str = "\
Examples:
  samctl logs shop
  samctl logs shop Orders --follow
  samctl logs --since 10m";

pub(super) const EVENTS: &str = "\
Examples:
  samctl events
  samctl events shop --follow --output json";

pub(super) const INVOKE: &str = "\
Examples:
  samctl invoke shop Orders --event event.json
  echo '{\"id\": 1}' | samctl invoke Orders --event -
  samctl invoke shop Orders --async";

pub(super) const TOKEN: &str = "\
Examples:
  samctl token shop
  samctl token shop --authorizer Users --claim sub=ann --claim email_verified=true
  curl -H \"Authorization: Bearer $(samctl token shop --scope orders/read)\" http://127.0.0.1:3000/orders";

pub(super) const DAEMON: &str = "\
Examples:
  samctl daemon start
  samctl daemon status --output json
  samctl daemon stop";

pub(super) const VALIDATE: &str = "\
Examples:
  samctl validate
  samctl validate template.yaml --parameter-overrides Stage=dev";

pub(super) const COMPLETIONS: &str = "\
Examples:
  samctl completions bash > ~/.local/share/bash-completion/completions/samctl
  samctl completions fish > ~/.config/fish/completions/samctl.fish";

pub(super) const DAEMON_START: &str = "\
Examples:
  samctl daemon start
  SAMD_CONTROL=127.0.0.1:0 samctl daemon start";

pub(super) const DAEMON_STOP: &str = "\
Examples:
  samctl daemon stop";

pub(super) const DAEMON_STATUS: &str = "\
Examples:
  samctl daemon status
  samctl daemon status --output json";
