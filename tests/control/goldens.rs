//! Every message as it stands on the wire, in both directions: written it is the golden file, read it is the value.
//!
//! A golden file is `tests/golden/proto/<Type>.<case>.json`; `BLESS=1` writes them anew. A change in one of them that is
//! no addition breaks clients, so look twice before accepting it.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use samd_proto::containers::{Containers, ContainersPatch};
use samd_proto::daemon::{DaemonStatus, DaemonStatusRequest, DaemonStopRequest};
use samd_proto::function::{Event, Function, FunctionsOfTemplateRequest, FunctionsRequest, FunctionsResponse};
use samd_proto::gateway::{GatewayPatch, GatewaySettings, Tls};
use samd_proto::image::{ImageProgress, ImageStep};
use samd_proto::invoke::{InvokeRequest, InvokeResponse};
use samd_proto::log::{LogEvent, LogLine, LogSource, LogsRequest, RequestLine};
use samd_proto::project::{
    ApiKey, Done, FunctionStatus, ListRequest, ListResponse, ProjectState, ProjectStatus, ProjectSummary,
    RemoveRequest, Running, SandboxStatus, SetRequest, StandIn, StartRequest, StatusRequest, StopRequest,
};
use samd_proto::reload::{
    Changes, EventsRequest, ReloadEvent, ReloadOutcome, ReloadReport, ReloadRequest, ReloadResponse,
};
use samd_proto::route::{ApiKind, Route, RoutesRequest, RoutesResponse};
use samd_proto::secret::{Environment, ParameterOverride, Text};
use samd_proto::settings::{BuildCommand, PinnedKeys, SandboxChoice, SettingName, Settings, SettingsPatch, Warm};
use samd_proto::template::{RoutesOfTemplateRequest, TemplateQuery, ValidateRequest, ValidateResponse};
use samd_proto::token::{TokenRequest, TokenResponse};
use samd_proto::{ApiError, Diagnostic, ENDPOINTS, ErrorCode, Location, Severity};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The folder of golden messages.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/proto")
}

/// Compares one message with its file in both directions.
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(case: &str, message: &T) {
    let path = folder().join(format!("{case}.json"));
    let written = serde_json::to_string_pretty(message).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(&path, &written).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(written, golden, "{case} is written otherwise; BLESS=1 accepts it");
    assert_eq!(&serde_json::from_str::<T>(&golden).unwrap(), message, "{case} is read otherwise");
    reads_what_a_newer_peer_sends::<T>(case, &golden, message);
}

/// A field that this version does not know is passed over, at every depth.
fn reads_what_a_newer_peer_sends<T: DeserializeOwned + PartialEq + Debug>(case: &str, golden: &str, message: &T) {
    let mut value: Value = serde_json::from_str(golden).unwrap();
    add_unknown_fields(&mut value);
    assert_eq!(&serde_json::from_value::<T>(value).unwrap(), message, "{case} with fields of a newer version");
}

fn add_unknown_fields(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(add_unknown_fields),
        Value::Object(fields) => {
            // The environment and claims are maps: each of their fields is a variable or a claim.
            fields
                .iter_mut()
                .filter(|(name, _)| !["environment", "claims"].contains(&name.as_str()))
                .for_each(|(_, field)| add_unknown_fields(field));
            fields.insert("of_a_newer_version".to_owned(), json!({ "x": 1 }));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn overrides() -> Vec<ParameterOverride> {
    vec![ParameterOverride { name: text("Stage"), value: text("dev") }]
}

fn pins() -> Vec<PinnedKeys> {
    vec![PinnedKeys { subject: text("ShopApi/Users"), file: "/shop/keys.json".into() }]
}

fn environment() -> Environment {
    Environment([(text("AWS_PROFILE"), text("work")), (text("TABLE"), text("orders"))].into())
}

fn patch() -> SettingsPatch {
    SettingsPatch {
        path: Some("/shop".into()),
        template: Some("/shop/other.yaml".into()),
        host: Some(text("127.0.0.1")),
        port: Some(3000),
        env_vars: Some("/shop/env.json".into()),
        parameter_overrides: Some(overrides()),
        sandbox: Some(SandboxChoice::Process),
        warm: Some(Warm::Eager),
        region: Some(text("eu-west-1")),
        profile: Some(text("work")),
        max_concurrency: Some(4),
        idle_expiry_ms: Some(90_000),
        lambda_endpoint: Some(false),
        samconfig: Some(false),
        only_functions: Some(vec![text("Orders")]),
        gateway: Some(GatewayPatch {
            tls: Some(tls()),
            static_dir: Some("/shop/public".into()),
            disable_authorizer: Some(true),
            binary_types: Some(vec![text("image/png")]),
        }),
        containers: containers_patch(),
        debug_port: Some(5678),
        debug_function: Some(text("Orders")),
        debug_args: Some(text("--wait-for-client")),
        debugger_path: Some("/debugpy".into()),
        container_env_vars: Some("/shop/debug.json".into()),
        memory_limit: Some(false),
        freeze: Some(true),
        tell_generation: Some(true),
        build: Some(true),
        build_commands: Some(vec![build_command()]),
        jwks: Some(pins()),
        unset: vec![SettingName::EnvVars, SettingName::Profile],
    }
}

fn tls() -> Tls {
    Tls { certificate: "/shop/cert.pem".into(), key: "/shop/key.pem".into() }
}

fn containers_patch() -> ContainersPatch {
    let now = containers();
    ContainersPatch {
        docker_network: now.docker_network,
        add_hosts: Some(now.add_hosts),
        dns: Some(now.dns),
        container_host: now.container_host,
        container_host_interface: now.container_host_interface,
        invoke_images: Some(now.invoke_images),
        skip_pull_image: Some(now.skip_pull_image),
        force_image_build: Some(now.force_image_build),
        layer_cache_basedir: now.layer_cache_basedir,
        docker_volume_basedir: now.docker_volume_basedir,
        layers: Some(now.layers),
    }
}

fn containers() -> Containers {
    Containers {
        docker_network: Some(text("shop")),
        add_hosts: vec![text("db:10.0.0.7")],
        dns: vec![text("10.0.0.53")],
        container_host: Some(text("host.docker.internal")),
        container_host_interface: Some(text("0.0.0.0")),
        invoke_images: vec![text("all:1"), text("Orders=own:2")],
        skip_pull_image: true,
        force_image_build: false,
        layer_cache_basedir: Some("/layers".into()),
        docker_volume_basedir: Some("/seen".into()),
        layers: vec![text("arn:aws:lambda:eu-west-1:123456789012:layer:tools:3=/tools")],
    }
}

fn image_progress() -> ImageProgress {
    ImageProgress {
        image: text("shop:1"),
        step: ImageStep::Pulling,
        layers: 7,
        layers_done: 3,
        bytes: 12_000_000,
        bytes_total: 80_000_000,
        text: Some(text("no such host")),
    }
}

fn build_command() -> BuildCommand {
    BuildCommand { function: text("Orders"), command: text("make shop") }
}

fn diagnostic() -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        location: Some(Location { file: "/shop/template.yaml".into(), line: 12, column: 7 }),
        path: text("Resources.Orders.Properties.Runtime"),
        message: text("AWS has no runtime pyton3.12"),
        help: Some(text("did you mean python3.12?")),
    }
}

fn short_diagnostic() -> Diagnostic {
    Diagnostic { severity: Severity::Note, location: None, path: String::new(), message: text("seen"), help: None }
}

fn report(outcome: ReloadOutcome) -> ReloadReport {
    ReloadReport {
        project: text("shop"),
        generation: 2,
        at_ms: 1_700_000_000_123,
        duration_us: 12_345,
        files: vec!["/shop/app.py".into()],
        outcome,
    }
}

fn applied() -> ReloadOutcome {
    ReloadOutcome::Applied {
        functions: Changes { added: vec![text("New")], changed: vec![text("Orders")], removed: vec![text("Old")] },
        routes: Changes { added: vec![text("GET /new")], ..Changes::default() },
    }
}

fn route() -> Route {
    Route {
        method: text("GET"),
        path: text("/orders/{id}"),
        url: Some(text("http://127.0.0.1:3000/orders/{id}")),
        api: text("ServerlessRestApi"),
        kind: ApiKind::Rest,
        integration: text("aws_proxy"),
        function: Some(text("Orders")),
        authorizer: None,
        api_key_required: false,
        runtime: Some(text("python3.12")),
        shadowed: false,
        note: None,
    }
}

fn unsupported_route() -> Route {
    Route {
        url: None,
        kind: ApiKind::Http,
        integration: text("aws"),
        function: None,
        runtime: None,
        authorizer: Some(text("AWS_IAM")),
        shadowed: true,
        note: Some(text("it needs SQS; answered 501")),
        ..route()
    }
}

fn status() -> ProjectStatus {
    ProjectStatus {
        name: text("shop"),
        path: "/shop".into(),
        settings: Settings {
            template: Some("/shop/other.yaml".into()),
            host: text("127.0.0.1"),
            port: Some(3000),
            env_vars: Some("/shop/env.json".into()),
            parameter_overrides: vec![text("Stage")],
            sandbox: SandboxChoice::Auto,
            warm: Warm::Lazy,
            region: Some(text("eu-west-1")),
            profile: Some(text("work")),
            max_concurrency: 10,
            idle_expiry_ms: 900_000,
            lambda_endpoint: true,
            samconfig: true,
            only_functions: vec![text("Orders")],
            gateway: GatewaySettings {
                tls: Some(tls()),
                static_dir: Some("/shop/public".into()),
                disable_authorizer: false,
                binary_types: vec![text("image/png")],
            },
            containers: containers(),
            debug_port: Some(5678),
            debug_function: Some(text("Orders")),
            debug_args: Some(text("--wait-for-client")),
            debugger_path: Some("/debugpy".into()),
            container_env_vars: Some("/shop/debug.json".into()),
            memory_limit: false,
            freeze: true,
            tell_generation: true,
            build: true,
            build_commands: vec![build_command()],
            jwks: pins(),
        },
        running: Some(Running {
            url: text("http://127.0.0.1:3000"),
            generation: 2,
            since_ms: 1_700_000_000_000,
            template: "/shop/other.yaml".into(),
            template_reason: text("--template names it"),
            routes: vec![route()],
            functions: vec![function()],
            stand_ins: vec![StandIn { expression: text("Table.StreamArn"), value: text("arn:aws:dynamodb:x") }],
            api_keys: vec![ApiKey {
                id: text("RestApiKey"),
                value: Text(text("samdkey")),
                enabled: true,
                plans: vec![text("RestUsagePlan")],
            }],
            last_reload: Some(report(applied())),
        }),
        diagnostics: vec![diagnostic(), short_diagnostic()],
    }
}

fn function() -> FunctionStatus {
    FunctionStatus {
        id: text("Orders"),
        also: vec![text("shop-orders")],
        runtime: text("python3.12"),
        handler: Some(text("app.handler")),
        timeout_ms: 3000,
        memory_mb: 128,
        driver: text("process"),
        executable: Some(text("/usr/bin/python3.12")),
        sandboxes: vec![
            SandboxStatus { pid: Some(4711), state: text("idle"), served: 12 },
            SandboxStatus { pid: None, state: text("starting"), served: 0 },
        ],
        waiting: 1,
    }
}

fn stopped() -> ProjectStatus {
    let status = status();
    ProjectStatus {
        settings: Settings {
            template: None,
            port: None,
            env_vars: None,
            region: None,
            profile: None,
            ..status.settings
        },
        running: None,
        diagnostics: Vec::new(),
        ..status
    }
}

fn query() -> TemplateQuery {
    TemplateQuery {
        path: "/shop/template.yaml".into(),
        parameter_overrides: overrides(),
        env_vars: Some("/shop/env.json".into()),
        region: Some(text("eu-west-1")),
        profile: Some(text("work")),
        environment: environment(),
    }
}

#[test]
fn requests_about_projects_stand_on_the_wire_as_ever() {
    let name = || text("shop");
    check("StartRequest.full", &StartRequest { name: name(), settings: patch(), environment: environment() });
    check("StartRequest.by-name", &StartRequest { name: name(), ..StartRequest::default() });
    check("StopRequest", &StopRequest { name: name() });
    check("RemoveRequest", &RemoveRequest { name: name() });
    check("SetRequest", &SetRequest { name: name(), settings: patch() });
    check("ListRequest", &ListRequest {});
    check("StatusRequest", &StatusRequest { name: name() });
    check("FunctionsRequest", &FunctionsRequest { name: name() });
    check("RoutesRequest", &RoutesRequest { name: name() });
    check("ReloadRequest.full", &ReloadRequest { name: name(), functions: vec![text("Orders")], wait: true });
    check("ReloadRequest.all", &ReloadRequest { name: name(), ..ReloadRequest::default() });
    check("EventsRequest.full", &EventsRequest { name: Some(name()), follow: true });
    check("EventsRequest.all", &EventsRequest::default());
    let full = LogsRequest {
        name: name(),
        function: Some(text("Orders")),
        since_ms: Some(1_700_000_000_000),
        follow: true,
        requests: true,
    };
    check("LogsRequest.full", &full);
    check("LogsRequest.all", &LogsRequest { name: name(), ..LogsRequest::default() });
}

#[test]
fn other_requests_stand_on_the_wire_as_ever() {
    let invoke = InvokeRequest {
        name: text("shop"),
        function: text("Orders"),
        event: Some(Text(text("{\"id\": 1}"))),
        asynchronous: true,
    };
    check("InvokeRequest.full", &invoke);
    check("InvokeRequest.short", &InvokeRequest { event: None, asynchronous: false, ..invoke });
    check("RoutesOfTemplateRequest", &RoutesOfTemplateRequest { template: query() });
    check("FunctionsOfTemplateRequest", &FunctionsOfTemplateRequest { template: query() });
    check("ValidateRequest.full", &ValidateRequest { template: query() });
    let short = TemplateQuery { path: "/shop".into(), ..TemplateQuery::default() };
    check("ValidateRequest.short", &ValidateRequest { template: short });
    let token = TokenRequest {
        name: text("shop"),
        authorizer: Some(text("Users")),
        claims: [(text("sub"), text("ann"))].into(),
        scopes: vec![text("orders/read")],
    };
    check("TokenRequest.full", &token);
    check("TokenRequest.short", &TokenRequest { name: text("shop"), ..TokenRequest::default() });
    check("DaemonStatusRequest", &DaemonStatusRequest {});
    check("DaemonStopRequest", &DaemonStopRequest {});
}

#[test]
fn answers_about_projects_stand_on_the_wire_as_ever() {
    check("ProjectStatus.running", &status());
    check("ProjectStatus.stopped", &stopped());
    check("Done", &Done {});
    let running = ProjectSummary {
        name: text("shop"),
        path: "/shop".into(),
        state: ProjectState::Running,
        url: Some(text("http://127.0.0.1:3000")),
        generation: Some(2),
        functions: 3,
        errors: 0,
        warnings: 1,
    };
    let stopped = ProjectSummary { state: ProjectState::Stopped, url: None, generation: None, ..running.clone() };
    check("ListResponse", &ListResponse { projects: vec![running, stopped] });
    check(
        "RoutesResponse.full",
        &RoutesResponse { routes: vec![route(), unsupported_route()], diagnostics: vec![diagnostic()] },
    );
    let function = Function {
        id: text("Orders"),
        name: text("shop-orders"),
        runtime: text("python3.12"),
        handler: Some(text("app.handler")),
        timeout_ms: 3000,
        memory_mb: 128,
        routes: 2,
        other_events: vec![Event { name: text("Nightly"), kind: text("Schedule") }],
    };
    let functions = FunctionsResponse { functions: vec![function], diagnostics: vec![diagnostic()] };
    check("FunctionsResponse.full", &functions);
    check("FunctionsResponse.none", &FunctionsResponse::default());
    check("RoutesResponse.none", &RoutesResponse::default());
    check("ReloadResponse.waited", &ReloadResponse { report: Some(report(ReloadOutcome::Unchanged)) });
    check("ReloadResponse.begun", &ReloadResponse::default());
}

#[test]
fn other_answers_stand_on_the_wire_as_ever() {
    let returned = InvokeResponse {
        request_id: text("6f4d6d2c-7c3b-4a52-9a1e-0a4f5b2f9a10"),
        payload: Some(Text(text("{\"errorMessage\":\"no\"}"))),
        payload_base64: None,
        function_error: Some(text("Unhandled")),
        log_tail: Some(text("START RequestId: …\n")),
    };
    let bytes = InvokeResponse { payload: None, payload_base64: Some(Text(text("/w=="))), ..returned.clone() };
    check("InvokeResponse.failed", &returned);
    check("InvokeResponse.bytes", &InvokeResponse { function_error: None, log_tail: None, ..bytes });
    check("InvokeResponse.begun", &InvokeResponse { request_id: returned.request_id, ..InvokeResponse::default() });
    let token =
        TokenResponse { token: Text(text("eyJ")), authorizer: text("Api/Users"), issuer: text("https://issuer") };
    check("TokenResponse", &token);
    check(
        "ValidateResponse",
        &ValidateResponse { valid: false, functions: 3, routes: 4, diagnostics: vec![diagnostic()] },
    );
    check(
        "DaemonStatus",
        &DaemonStatus {
            version: text("0.1.0"),
            pid: 4711,
            started_ms: 1_700_000_000_000,
            control: text("127.0.0.1:7263"),
            lambda_endpoint: Some(text("http://127.0.0.1:7264")),
            state_dir: "/home/u/.local/state/samd".into(),
            running: 1,
            projects: 2,
        },
    );
}

#[test]
fn events_stand_on_the_wire_as_ever() {
    let line = LogLine {
        time_ms: 1_700_000_000_123,
        function: text("Orders"),
        source: LogSource::Platform,
        line: text("START RequestId: …"),
    };
    check("LogEvent.line", &LogEvent::Line(line.clone()));
    check("LogEvent.function", &LogEvent::Line(LogLine { source: LogSource::Function, ..line }));
    let request = RequestLine {
        time_ms: 1_700_000_000_123,
        client: text("127.0.0.1"),
        method: text("GET"),
        target: text("/orders?page=2"),
        version: text("HTTP/1.1"),
        status: 200,
        duration_us: 12_345,
    };
    check("LogEvent.request", &LogEvent::Request(request));
    check("LogEvent.lagged", &LogEvent::Lagged { lost: 7 });
    check("ReloadEvent.applied", &ReloadEvent::Reload(Box::new(report(applied()))));
    check("ReloadEvent.unchanged", &ReloadEvent::Reload(Box::new(report(ReloadOutcome::Unchanged))));
    let rejected = ReloadOutcome::Rejected { diagnostics: vec![diagnostic()] };
    check("ReloadEvent.rejected", &ReloadEvent::Reload(Box::new(report(rejected))));
    check("ReloadEvent.image", &ReloadEvent::Image(image_progress()));
    check("ReloadEvent.lagged", &ReloadEvent::Lagged { lost: 7 });
}

#[test]
fn a_refusal_stands_on_the_wire_as_ever() {
    check("ApiError.plain", &ApiError::new(ErrorCode::UnknownProject, "no project is named blog"));
    let diagnostics = vec![diagnostic(), short_diagnostic()];
    check(
        "ApiError.diagnostics",
        &ApiError { diagnostics, ..ApiError::new(ErrorCode::Diagnostics, "the template has errors") },
    );
}

#[test]
fn each_type_of_the_protocol_has_a_golden_message() {
    let files: Vec<String> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let types: BTreeSet<&str> = files.iter().filter_map(|file| file.split('.').next()).collect();
    for endpoint in ENDPOINTS {
        assert!(types.contains(endpoint.request), "{} has no golden file", endpoint.request);
        assert!(types.contains(endpoint.response), "{} has no golden file", endpoint.response);
    }
}

#[test]
fn a_code_or_an_event_of_a_newer_daemon_is_read_as_unknown() {
    let error: ApiError = serde_json::from_str(r#"{"code":"brand_new","message":"m"}"#).unwrap();
    assert_eq!(error.code, ErrorCode::Unknown);
    assert_eq!(serde_json::from_str::<LogEvent>(r#"{"type":"brand_new","x":1}"#).unwrap(), LogEvent::Unknown);
    assert_eq!(serde_json::from_str::<ReloadEvent>(r#"{"type":"brand_new"}"#).unwrap(), ReloadEvent::Unknown);
}

#[test]
fn debug_output_shows_no_secret() {
    let start = StartRequest { name: text("shop"), settings: patch(), environment: environment() };
    let shown = format!("{start:?}");
    assert!(shown.contains("TABLE") && shown.contains("Stage"), "names are shown: {shown}");
    assert!(!shown.contains("orders") && !shown.contains("dev\""), "values are not: {shown}");
    let invoke = InvokeRequest { event: Some(Text(text("hunter2"))), ..InvokeRequest::default() };
    assert!(!format!("{invoke:?}").contains("hunter2"));
}
