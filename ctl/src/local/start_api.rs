//! `samctl local start-api`: serves a template's APIs until it is told to end.

use std::path::PathBuf;

use samd_proto::endpoint::Start;
use samd_proto::gateway::{GatewayPatch, Tls};
use samd_proto::project::{ProjectStatus, StartRequest};

use super::arguments::StartApiArgs;
use super::foreground::{self, Foreground, PROJECT};
use super::mounts;
use super::own::{OwnDaemon, Wanted};
use super::plan::{Address, Plan};
use super::screen::Screen;
use crate::exit::{Ended, Failure};
use crate::{Surroundings, settings};

/// The command's name in samconfig.
const COMMAND: &str = "local_start_api";
/// The port unless another is named.
const PORT: u16 = 3000;
/// The folder of files unless another is named.
const STATIC_DIR: &str = "public";

pub(super) fn run(arguments: &StartApiArgs, surroundings: &mut Surroundings) -> Ended {
    let news = super::news::Newsroom::open()?;
    let mut plan = Plan::of(COMMAND, &arguments.common, surroundings)?;
    let address = plan.serve(&arguments.service, PORT)?;
    plan.settings.host = Some(address.ip()?.to_string());
    plan.settings.port = Some(address.port);
    plan.settings.gateway = Some(gateway(arguments, &plan, surroundings)?);
    let wanted = Wanted { lambda: foreground::ANY_PORT, debug: plan.debug };
    let request = StartRequest {
        name: PROJECT.to_owned(),
        settings: plan.settings.clone(),
        environment: surroundings.environment(),
    };
    let (log_file, secure) = (plan.log_file.clone(), plan.settings.gateway.as_ref().is_some_and(|it| it.tls.is_some()));
    let daemon = OwnDaemon::start(wanted, surroundings)?;
    let mut screen = Screen::new(surroundings, log_file.as_deref())?;
    let status = foreground::started(daemon.client.call::<Start>(&request), &mut screen)?;
    let base = base(&address, &status, secure);
    if !has_something_to_serve(&status) {
        return Err(Failure::Usage("Template does not have any APIs connected to Lambda functions".to_owned()));
    }
    news.follow_logs(&daemon.client, PROJECT, true)?;
    news.follow_reloads(&daemon.client, PROJECT)?;
    if let Some(folder) = &status.settings.gateway.static_dir {
        screen.say(&format!("Mounting static files from {} at /", folder.display()))?;
    }
    mount(&status, &base, &mut screen)?;
    screen.say("Edits of code and template are served as soon as they are saved; there is no need to restart.")?;
    screen.say_at(&jiff::Zoned::now(), &format!(" * Running on {base}"))?;
    screen.say_at(&jiff::Zoned::now(), "Press CTRL+C to quit")?;
    Foreground { news, daemon, screen, status }.serve(|status, screen| mount(status, &base, screen))
}

/// `http://127.0.0.1:3000`, with the host as it was typed and the port that it really is.
fn base(address: &Address, status: &ProjectStatus, secure: bool) -> String {
    let port = status.running.as_ref().and_then(|running| running.url.rsplit(':').next()?.parse().ok());
    let scheme = if secure { "https" } else { "http" };
    let host = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
    format!("{scheme}://{host}:{}", port.unwrap_or(address.port))
}

fn has_something_to_serve(status: &ProjectStatus) -> bool {
    status.running.as_ref().is_some_and(|running| !running.routes.is_empty())
}

fn mount(status: &ProjectStatus, base: &str, screen: &mut Screen<'_>) -> Result<(), Failure> {
    let routes = status.running.as_ref().map(|running| running.routes.as_slice()).unwrap_or_default();
    mounts::lines(routes, base).iter().try_for_each(|line| screen.say(line))
}

fn gateway(arguments: &StartApiArgs, plan: &Plan<'_>, surroundings: &Surroundings) -> Result<GatewayPatch, Failure> {
    let layers = &plan.layers;
    Ok(GatewayPatch {
        tls: tls(arguments, plan, surroundings)?,
        static_dir: static_dir(arguments, plan),
        disable_authorizer: Some(layers.flag("disable_authorizer", arguments.disable_authorizer, None)),
        binary_types: Some(layers.list("binary_type", &arguments.binary_type, None)),
    })
}

/// Certificate and key go together.
fn tls(arguments: &StartApiArgs, plan: &Plan<'_>, surroundings: &Surroundings) -> Result<Option<Tls>, Failure> {
    let certificate = plan.layers.path("ssl_cert_file", arguments.ssl_cert_file.as_ref(), None);
    let key = plan.layers.path("ssl_key_file", arguments.ssl_key_file.as_ref(), None);
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(Tls {
            certificate: settings::file(&certificate, surroundings)?,
            key: settings::file(&key, surroundings)?,
        })),
        (Some(_), None) => Err(Failure::Usage("--ssl-cert-file needs --ssl-key-file as well".to_owned())),
        (None, Some(_)) => Err(Failure::Usage("--ssl-key-file needs --ssl-cert-file as well".to_owned())),
    }
}

/// The folder beside the template, or beside the project that `sam build` built it from; one that is not there is not
/// served, since the default is seldom there.
fn static_dir(arguments: &StartApiArgs, plan: &Plan<'_>) -> Option<PathBuf> {
    let named = plan.layers.path("static_dir", arguments.static_dir.as_ref(), None);
    let named = named.unwrap_or_else(|| PathBuf::from(STATIC_DIR));
    let built = plan.folder().ends_with(".aws-sam/build");
    let source = plan.folder().ancestors().nth(2).filter(|_| built);
    let folders = std::iter::once(plan.folder()).chain(source).map(|folder| folder.join(&named));
    folders.filter_map(|folder| folder.canonicalize().ok()).find(|folder| folder.is_dir())
}
