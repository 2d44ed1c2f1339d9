//! What each option asks of the daemon: typed, as a variable and in samconfig, it comes to the same setting.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use samd_tests::daemon::{Project, executable};
use samd_tests::foreground::samctl;
use serde_json::{Value, json};

/// An option in each of its forms, and the setting that it comes to.
struct Case {
    /// As it is typed.
    typed: &'static [&'static str],
    /// As a variable.
    variable: Option<(&'static str, &'static str)>,
    /// As a line of samconfig.
    config: Option<&'static str>,
    /// Where it is in the settings that the daemon gets.
    setting: &'static str,
    /// What it is there; `@` stands for the project's folder.
    expected: Value,
}

/// Commands that serve, and the one that does not.
const ALL: [&str; 3] = ["start-api", "start-lambda", "invoke"];
const SERVING: [&str; 2] = ["start-api", "start-lambda"];

fn case(
    typed: &'static [&'static str],
    variable: Option<(&'static str, &'static str)>,
    config: Option<&'static str>,
    setting: &'static str,
    expected: Value,
) -> Case {
    Case { typed, variable, config, setting, expected }
}

/// The options of all commands.
fn common() -> Vec<Case> {
    let other = || json!("@/other.yaml");
    vec![
        case(&["-t", "other.yaml"], Some(("SAM_TEMPLATE_FILE", "other.yaml")), None, "/path", other()),
        case(&["--template", "other.yaml"], None, Some("template_file = 'other.yaml'"), "/path", other()),
        case(&["--template-file", "other.yaml"], None, Some("template = 'other.yaml'"), "/path", other()),
        case(&["-n", "vars.json"], None, Some("env_vars = 'vars.json'"), "/env_vars", json!("@/vars.json")),
        case(&["--env-vars", "vars.json"], None, None, "/env_vars", json!("@/vars.json")),
        case(
            &["--parameter-overrides", "Stage=dev"],
            None,
            Some("parameter_overrides = 'Stage=dev'"),
            "/parameter_overrides/0/value",
            json!("dev"),
        ),
        case(
            &["--parameter-overrides", "ParameterKey=Stage,ParameterValue=dev"],
            None,
            Some("parameter_overrides = ['Stage=dev']"),
            "/parameter_overrides/0/name",
            json!("Stage"),
        ),
        case(&["-d", "5858"], Some(("SAM_DEBUG_PORT", "5858")), Some("debug_port = 5858"), "/debug_port", json!(5858)),
        case(&["--debug-port", "5858"], None, Some("debug_port = [5858]"), "/debug_port", json!(5858)),
        case(
            &["--debug-args", "--wait"],
            Some(("DEBUGGER_ARGS", "--wait")),
            Some("debug_args = '--wait'"),
            "/debug_args",
            json!("--wait"),
        ),
        case(&["--debugger-path", "dbg"], None, Some("debugger_path = 'dbg'"), "/debugger_path", json!("@/dbg")),
        case(
            &["--container-env-vars", "vars.json"],
            None,
            Some("container_env_vars = 'vars.json'"),
            "/container_env_vars",
            json!("@/vars.json"),
        ),
        case(&["--no-memory-limit"], None, Some("no_memory_limit = true"), "/memory_limit", json!(false)),
        case(&["--region", "eu-west-1"], None, Some("region = 'eu-west-1'"), "/region", json!("eu-west-1")),
        case(&["--profile", "work"], None, Some("profile = 'work'"), "/profile", json!("work")),
    ]
}

/// Those about containers, of all commands too.
fn containers() -> Vec<Case> {
    let yes = || json!(true);
    vec![
        case(
            &["--docker-network", "shop"],
            Some(("SAM_DOCKER_NETWORK", "shop")),
            Some("docker_network = 'shop'"),
            "/containers/docker_network",
            json!("shop"),
        ),
        case(
            &["--add-host", "db:10.0.0.7"],
            None,
            Some("add_host = ['db:10.0.0.7']"),
            "/containers/add_hosts",
            json!(["db:10.0.0.7"]),
        ),
        case(
            &["--container-dns", "10.0.0.53"],
            None,
            Some("container_dns = '10.0.0.53'"),
            "/containers/dns",
            json!(["10.0.0.53"]),
        ),
        case(
            &["--container-host", "host.docker.internal"],
            None,
            Some("container_host = 'host.docker.internal'"),
            "/containers/container_host",
            json!("host.docker.internal"),
        ),
        case(
            &["--container-host-interface", "0.0.0.0"],
            None,
            Some("container_host_interface = '0.0.0.0'"),
            "/containers/container_host_interface",
            json!("0.0.0.0"),
        ),
        case(
            &["-ii", "Hello=own:1", "--invoke-image", "all:1"],
            None,
            Some("invoke_image = ['Hello=own:1', 'all:1']"),
            "/containers/invoke_images",
            json!(["Hello=own:1", "all:1"]),
        ),
        case(
            &["--skip-pull-image"],
            Some(("SAM_SKIP_PULL_IMAGE", "true")),
            Some("skip_pull_image = true"),
            "/containers/skip_pull_image",
            yes(),
        ),
        case(
            &["--force-image-build"],
            Some(("SAM_FORCE_IMAGE_BUILD", "1")),
            Some("force_image_build = true"),
            "/containers/force_image_build",
            yes(),
        ),
        case(
            &["--layer-cache-basedir", "layers"],
            Some(("SAM_LAYER_CACHE_BASEDIR", "layers")),
            Some("layer_cache_basedir = 'layers'"),
            "/containers/layer_cache_basedir",
            json!("@/layers"),
        ),
        case(
            &["-v", "/seen"],
            Some(("SAM_DOCKER_VOLUME_BASEDIR", "/seen")),
            Some("docker_volume_basedir = '/seen'"),
            "/containers/docker_volume_basedir",
            json!("/seen"),
        ),
    ]
}

/// Those of the commands that serve.
fn serving() -> Vec<Case> {
    vec![
        case(&["--warm-containers", "EAGER"], None, Some("warm_containers = 'EAGER'"), "/warm", json!("eager")),
        case(&["--warm-containers", "lazy"], None, Some("warm_containers = 'lazy'"), "/warm", json!("lazy")),
        case(&["--debug-function", "Hello"], None, Some("debug_function = 'Hello'"), "/debug_function", json!("Hello")),
    ]
}

/// Those of start-api alone.
fn of_apis() -> Vec<Case> {
    let yes = || json!(true);
    vec![
        case(&["-p", "4000"], None, Some("port = 4000"), "/port", json!(4000)),
        case(&["--host", "0.0.0.0"], None, Some("host = '0.0.0.0'"), "/host", json!("0.0.0.0")),
        case(&[], None, None, "/port", json!(3000)),
        case(&[], None, None, "/host", json!("127.0.0.1")),
        case(&["-s", "files"], None, Some("static_dir = 'files'"), "/gateway/static_dir", json!("@/files")),
        case(&[], None, None, "/gateway/static_dir", json!("@/public")),
        case(&["--disable-authorizer"], None, Some("disable_authorizer = true"), "/gateway/disable_authorizer", yes()),
        case(
            &["--binary-type", "image/png"],
            None,
            Some("binary_type = 'image/png'"),
            "/gateway/binary_types",
            json!(["image/png"]),
        ),
        case(
            &["--ssl-cert-file", "cert.pem", "--ssl-key-file", "key.pem"],
            None,
            Some("ssl_cert_file = 'cert.pem'\nssl_key_file = 'key.pem'"),
            "/gateway/tls",
            json!({ "certificate": "@/cert.pem", "key": "@/key.pem" }),
        ),
    ]
}

/// A folder with all that the options name.
fn folder() -> Project {
    let project = super::project();
    let template = std::fs::read_to_string(project.path().join("template.yaml")).unwrap();
    for (file, text) in [
        ("other.yaml", template.as_str()),
        ("vars.json", "{}"),
        ("dbg/x", ""),
        ("files/x", ""),
        ("public/x", ""),
        ("cert.pem", ""),
        ("key.pem", ""),
    ] {
        project.write(file, text);
    }
    project
}

/// A `samctl` with a daemon beside it that refuses everything, and tells what it was asked for.
struct Listener {
    program: PathBuf,
    listener: TcpListener,
    _folder: tempfile::TempDir,
}

impl Listener {
    fn open() -> Listener {
        let real = executable("samctl");
        // A hard link may not cross file systems.
        let folder = tempfile::tempdir_in(real.parent().unwrap()).unwrap();
        let program = folder.path().join("samctl");
        std::fs::hard_link(&real, &program).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let daemon = folder.path().join("samd");
        let address = listener.local_addr().unwrap();
        std::fs::write(&daemon, format!("#!/bin/sh\necho {address}\nexec cat >/dev/null\n")).unwrap();
        std::fs::set_permissions(&daemon, std::fs::Permissions::from_mode(0o755)).unwrap();
        Listener { program, listener, _folder: folder }
    }

    /// The settings that a command starts its project with.
    fn settings(&self, folder: &Path, arguments: &[&str], variable: Option<(&str, &str)>) -> Value {
        let state = tempfile::tempdir().unwrap();
        let given = samctl(folder, &state, arguments);
        let mut command = std::process::Command::new(&self.program);
        command.args(given.get_args()).current_dir(folder).env_clear();
        command.envs(given.get_envs().filter_map(|(name, value)| Some((name, value?)))).envs(variable);
        let heard = self.hear();
        let ran = command.output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(said.contains("heard it"), "{arguments:?} {variable:?}: {said}");
        heard.join().unwrap()["settings"].clone()
    }

    /// Answers one request with a refusal.
    fn hear(&self) -> JoinHandle<Value> {
        let listener = self.listener.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let head: Vec<String> =
                stream.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let length =
                head.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap()];
            stream.read_exact(&mut body).unwrap();
            let refusal = json!({ "code": "bad_request", "message": "heard it" }).to_string();
            let size = refusal.len();
            write!(
                stream.get_mut(),
                "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n{refusal}"
            )
            .unwrap();
            assert!(head[0].starts_with("POST /v1/start "), "{}", head[0]);
            serde_json::from_slice(&body).unwrap()
        })
    }
}

/// Checks each form of each case with each command.
fn check(commands: &[&str], cases: &[Case]) {
    let (listener, project) = (Listener::open(), folder());
    let here = project.path().canonicalize().unwrap();
    let config = project.path().join("samconfig.toml");
    for (command, Case { typed, variable, config: line, setting, expected }) in
        commands.iter().flat_map(|command| cases.iter().map(move |case| (command, case)))
    {
        let expected: Value = serde_json::from_str(&expected.to_string().replace('@', here.to_str().unwrap())).unwrap();
        let came = |arguments: &[&str], variable| {
            let arguments = [&["local", *command], arguments].concat();
            let settings = listener.settings(project.path(), &arguments, variable);
            let came = settings.pointer(setting).cloned().unwrap_or_default();
            assert_eq!(came, expected, "{arguments:?} {variable:?} {line:?}: {settings}");
        };
        came(typed, None);
        if variable.is_some() {
            came(&[], *variable);
        }
        if let Some(line) = line {
            let section = command.replace('-', "_");
            std::fs::write(&config, format!("version = 0.1\n[default.local_{section}.parameters]\n{line}\n")).unwrap();
            came(&[], None);
            std::fs::remove_file(&config).unwrap();
        }
    }
}

#[test]
fn each_option_of_all_commands_comes_to_its_setting() {
    check(&["start-api"], &common());
    check(&["invoke"], &common()[3..]);
    check(&["start-lambda"], &common()[10..]);
}

#[test]
fn each_option_about_containers_comes_to_its_setting() {
    check(&ALL[..1], &containers());
    check(&ALL[1..], &containers()[..2]);
}

#[test]
fn each_option_of_the_commands_that_serve_comes_to_its_setting() {
    check(&SERVING, &serving());
    check(&["start-api"], &of_apis());
}

#[test]
fn the_driver_is_chosen_by_a_variable_and_the_functions_by_their_names() {
    let (listener, project) = (Listener::open(), folder());
    for driver in ["process", "docker", "auto"] {
        let asked = Some(("SAMD_SANDBOX", driver));
        assert_eq!(listener.settings(project.path(), &["local", "start-api"], asked)["sandbox"], driver);
    }
    let settings = listener.settings(project.path(), &["local", "start-lambda", "Hello", "Rest"], None);
    assert_eq!(settings["only_functions"], json!(["Hello", "Rest"]));
}
