//! The functions of a project as a reader wants them: what runs, where routes lead, and which events are not served.

use samd_proto::function::{Event, Function as WireFunction};

use super::convert;
use crate::project::{Function, Project, RouteRow, routes};

/// The functions by logical id.
pub(super) fn of(project: &Project) -> Vec<WireFunction> {
    let routes = routes(project);
    project.functions.values().map(|function| row(function, &routes)).collect()
}

fn row(function: &Function, routes: &[RouteRow]) -> WireFunction {
    let events = function.other_events.iter();
    WireFunction {
        id: function.id.0.clone(),
        name: function.name.clone(),
        runtime: convert::runtime(function),
        handler: convert::handler(function),
        timeout_ms: convert::whole_milliseconds(function.timeout),
        memory_mb: function.memory_mb,
        routes: routes.iter().filter(|route| route.function_id.as_ref() == Some(&function.id)).count(),
        other_events: events.map(|(name, kind)| Event { name: name.clone(), kind: kind.clone() }).collect(),
    }
}
