//! Routes that several APIs claim: on the project's one port the first of [`Project::precedence`] answers.

use crate::project::api::{Api, Integration, Route};
use crate::project::{ApiId, Location, Project};
use crate::template::Diagnostic;
use crate::template::hashed::HashedMap;

/// Names each method and path that a later API claims too. Two CORS mocks are no clash: they answer alike.
pub(super) fn clashes(project: &Project) -> Vec<Diagnostic> {
    let mut owners: HashedMap<(&str, &str), (&ApiId, bool)> = HashedMap::default();
    let mut clashes = Vec::new();
    for api in project.precedence.iter().filter_map(|id| project.apis.get(id)) {
        for route in &api.routes {
            let is_mock = matches!(route.integration, Integration::Mock(_));
            let (method, path) = (route.method.as_str(), route.path.as_str());
            let (owner, owner_is_mock) = *owners.entry((method, path)).or_insert((&api.id, is_mock));
            if *owner != api.id && !(is_mock && owner_is_mock) {
                clashes.push(clash(project, route, owner, api));
            }
        }
    }
    clashes
}

fn clash(project: &Project, route: &Route, owner: &ApiId, api: &Api) -> Diagnostic {
    let (method, path) = (route.method.as_str(), route.path.as_str());
    let message =
        format!("{method} {path} is claimed by {owner} and by {}; on the shared port {owner} answers", api.id);
    let local = api.id.0.rsplit('/').next().unwrap_or_default();
    let help = format!("reach the other by the host {}.localhost", api.id.host_label());
    let location = place(project, route, api).cloned();
    Diagnostic { location, ..Diagnostic::warning(message).path(format!("Resources.{local}")).help(help) }
}

/// Where the API stands; an implicit one stands nowhere, but the function whose event claims the route does.
pub(super) fn place<'p>(project: &'p Project, route: &Route, api: &Api) -> Option<&'p Location> {
    let function = match &route.integration {
        Integration::Lambda(proxy) => proxy.function.as_ref(),
        Integration::Mock(_) | Integration::HttpProxy(_) | Integration::Unsupported { .. } => None,
    };
    let functions = || function.and_then(|function| project.locations.get(&function.0));
    project.locations.get(&api.id.0).or_else(functions)
}
