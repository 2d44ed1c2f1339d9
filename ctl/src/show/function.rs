//! Functions for people.

use samd_proto::function::Function;

use super::{Paint, table};

/// The table of functions; events that are not served stand in its last column.
pub(crate) fn table(functions: &[Function], paint: Paint) -> String {
    if functions.is_empty() {
        return "no functions\n".to_owned();
    }
    let rows = functions.iter().map(|function| {
        let events = function.other_events.iter().map(|event| format!("{} ({})", event.name, event.kind));
        vec![
            function.id.clone(),
            function.runtime.clone(),
            function.handler.clone().unwrap_or_default(),
            function.routes.to_string(),
            events.collect::<Vec<_>>().join(", "),
        ]
    });
    table::render(&["FUNCTION", "RUNTIME", "HANDLER", "ROUTES", "NOT SERVED"], rows.collect(), paint)
}
