//! Projects for people: what `start`, `status`, `list` and `routes` show.

use samd_proto::project::{FunctionStatus, ProjectState, ProjectStatus, ProjectSummary, Running};
use samd_proto::route::Route;

use super::{Paint, reload, table, time};

/// What `start` and `set` show: where it is served, and its routes.
pub(crate) fn started(status: &ProjectStatus, paint: Paint) -> String {
    let Some(running) = &status.running else {
        return format!("{} is stopped\n", paint.strong(&status.name));
    };
    let head = format!(
        "{} is served at {} {}\n",
        paint.strong(&status.name),
        paint.good(&running.url),
        paint.dim(&format!("(generation {}, {})", running.generation, running.template.display()))
    );
    format!("{head}\n{}{}", routes(&running.routes, paint), without_route(status, running, paint))
}

/// Functions that no route reaches, and how they are run all the same.
fn without_route(status: &ProjectStatus, running: &Running, paint: Paint) -> String {
    let reached = |id: &str| running.routes.iter().any(|route| route.function.as_deref() == Some(id));
    let ids = running.functions.iter().map(|function| function.id.as_str());
    let others: Vec<&str> = ids.filter(|id| !reached(id)).collect();
    match others.as_slice() {
        [] => String::new(),
        [first, ..] => {
            let how = format!("without a route: {} (samctl invoke {} {first})", others.join(", "), status.name);
            paint.dim(&how) + "\n"
        }
    }
}

/// The table of routes; what needs a word more stands below it.
pub(crate) fn routes(routes: &[Route], paint: Paint) -> String {
    if routes.is_empty() {
        return "no routes\n".to_owned();
    }
    let rows = routes.iter().map(|route| {
        let place = route.url.clone().unwrap_or_else(|| route.path.clone());
        vec![route.method.clone(), place, answers(route), route.runtime.clone().unwrap_or_default()]
    });
    let mut text = table::render(&["METHOD", "URL", "FUNCTION", "RUNTIME"], rows.collect(), paint);
    for route in routes {
        if let Some(note) = &route.note {
            text += &paint.dim(&format!("{} {}: {note}\n", route.method, route.path));
        }
    }
    text
}

/// The table of a template's routes, which nobody has to serve.
pub(crate) fn routes_of_template(routes: &[Route], paint: Paint) -> String {
    if routes.is_empty() {
        return "no routes\n".to_owned();
    }
    let rows = routes.iter().map(|route| {
        let authorizer = route.authorizer.clone().unwrap_or_default();
        vec![route.method.clone(), route.path.clone(), answers(route), route.api.clone(), authorizer]
    });
    table::render(&["METHOD", "PATH", "FUNCTION", "API", "AUTHORIZER"], rows.collect(), paint)
}

/// The function, or what answers in its place.
fn answers(route: &Route) -> String {
    match (&route.function, route.integration.as_str()) {
        (Some(function), _) => function.clone(),
        (None, "aws_proxy") => "(missing)".to_owned(),
        (None, integration) => format!("({integration})"),
    }
}

/// The table of `list`.
pub(crate) fn list(projects: &[ProjectSummary], paint: Paint) -> String {
    if projects.is_empty() {
        return "no projects; `samctl start PATH` starts one\n".to_owned();
    }
    let rows = projects.iter().map(|project| {
        let state = match project.state {
            ProjectState::Running => "running",
            ProjectState::Stopped => "stopped",
        };
        vec![
            project.name.clone(),
            state.to_owned(),
            project.url.clone().unwrap_or_else(|| "-".to_owned()),
            project.functions.to_string(),
            findings(project),
            project.path.display().to_string(),
        ]
    });
    table::render(&["NAME", "STATE", "URL", "FUNCTIONS", "FINDINGS", "PATH"], rows.collect(), paint)
}

fn findings(project: &ProjectSummary) -> String {
    let counts = [(project.errors, "error"), (project.warnings, "warning")];
    let said: Vec<String> =
        counts.iter().filter(|(number, _)| *number > 0).map(|(n, word)| super::findings::plural(*n, word)).collect();
    if said.is_empty() { "-".to_owned() } else { said.join(", ") }
}

/// What `status` shows of one project.
pub(crate) fn status(status: &ProjectStatus, paint: Paint) -> String {
    let name = paint.strong(&status.name);
    match &status.running {
        None => format!("{name} is stopped ({})\n", status.path.display()),
        Some(running) => format!("{name} runs at {}\n{}", paint.good(&running.url), details(running, paint)),
    }
}

fn details(running: &Running, paint: Paint) -> String {
    let mut text = format!("  template    {} ({})\n", running.template.display(), running.template_reason);
    text += &format!("  generation  {}, since {}\n", running.generation, time::full(running.since_ms));
    if let Some(report) = &running.last_reload {
        text += &format!("  last change {}, {}\n", time::of_day(report.at_ms), reload::outcome(report, paint));
    }
    text += "\n";
    text += &functions(&running.functions, paint);
    for stand_in in &running.stand_ins {
        text += &paint.dim(&format!("stand-in: {} is {}\n", stand_in.expression, stand_in.value));
    }
    for key in &running.api_keys {
        let state = if key.enabled { "" } else { ", disabled" };
        let plans = if key.plans.is_empty() { "no usage plan".to_owned() } else { key.plans.join(", ") };
        text += &format!("API key: {} is {} (of {plans}{state})\n", key.id, key.value.0);
    }
    text + "\n" + &routes(&running.routes, paint)
}

fn functions(functions: &[FunctionStatus], paint: Paint) -> String {
    if functions.is_empty() {
        return "no functions\n".to_owned();
    }
    let rows = functions.iter().map(|function| {
        vec![
            function.id.clone(),
            function.runtime.clone(),
            function.handler.clone().unwrap_or_else(|| "-".to_owned()),
            format!("{} MB", function.memory_mb),
            time::duration(function.timeout_ms.saturating_mul(1000)),
            function.driver.clone(),
            sandboxes(function),
            function.waiting.to_string(),
        ]
    });
    let heading = ["FUNCTION", "RUNTIME", "HANDLER", "MEMORY", "TIMEOUT", "DRIVER", "SANDBOXES", "WAITING"];
    table::render(&heading, rows.collect(), paint)
}

/// `idle 4711 (12 served), busy 4712 (3 served)`.
fn sandboxes(function: &FunctionStatus) -> String {
    if function.sandboxes.is_empty() {
        return "-".to_owned();
    }
    let one = |sandbox: &samd_proto::project::SandboxStatus| {
        let pid = sandbox.pid.map(|pid| format!(" {pid}")).unwrap_or_default();
        format!("{}{pid} ({} served)", sandbox.state, sandbox.served)
    };
    function.sandboxes.iter().map(one).collect::<Vec<_>>().join(", ")
}
