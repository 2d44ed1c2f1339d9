//! What of a project's APIs cannot be served as it is written, said before the first request: models that are no schemas,
//! parameters that cannot be mapped, integrations that are answered 501, what AWS would not take.

use crate::apigw::validation::Models;
use crate::apigw::{limits, mapping, mock};
use crate::project::api::{ApiKind, Integration, Route};
use crate::project::{Api, ApiId, Project};
use crate::template::Diagnostic;

/// The findings of a project that is not served.
#[must_use]
pub fn of(project: &Project) -> Vec<Diagnostic> {
    let apis = project.precedence.iter().filter_map(|id| project.apis.get(id));
    let of_api = |api: &Api| {
        of_api(api, &Models::new(&api.models)).into_iter().map(|text| placed(project, &api.id, text)).collect()
    };
    apis.flat_map::<Vec<_>, _>(of_api).collect()
}

/// A finding at the place of its API.
#[must_use]
pub fn placed(project: &Project, api: &ApiId, text: String) -> Diagnostic {
    let location = project.locations.get(&api.0).cloned();
    Diagnostic { location, ..Diagnostic::warning(text) }
}

/// What of an API cannot be served as it is written, one sentence each, and each once.
pub(super) fn of_api(api: &Api, models: &Models) -> Vec<String> {
    let checks = |route: &Route, name: &str| {
        route.validation.body && route.validation.models.values().any(|model| model == name)
    };
    let models = models.broken().map(|(name, why)| {
        let used = api.routes.iter().any(|route| checks(route, name));
        let outcome = if used { "bodies that it should check are refused" } else { "no route checks bodies with it" };
        format!("the model {name} is no JSON schema of draft 4 ({why}); {outcome}")
    });
    let routes = api.routes.iter().flat_map(|route| of_route(api.kind, route));
    let mut told = Vec::new();
    for finding in models.chain(routes).chain(limits::findings(api)) {
        if !told.contains(&finding) {
            told.push(finding);
        }
    }
    told
}

/// Parameters that cannot be mapped, and what is answered 501. A REST API's function is sent none (D1.8).
fn of_route(kind: ApiKind, route: &Route) -> Vec<String> {
    let (request, by_status) = match &route.integration {
        Integration::Lambda(lambda) => (&lambda.request_parameters, &lambda.response_parameters),
        Integration::HttpProxy(proxy) => (&proxy.request_parameters, &proxy.response_parameters),
        Integration::Mock(mock) if mock::needs_velocity(mock) => {
            return vec![unserved(
                route,
                "a mapping template uses the Velocity Template Language, which samd does not run",
            )];
        }
        Integration::Mock(_) => return Vec::new(),
        Integration::Unsupported { reason, .. } => return vec![unserved(route, reason.trim_end_matches('.'))],
    };
    let problems = match (kind, &route.integration) {
        (ApiKind::Http, _) => std::iter::once(request).chain(by_status.values()).flat_map(mapping::problems).collect(),
        (ApiKind::Rest, Integration::HttpProxy(_)) => mapping::rest_problems(request),
        (ApiKind::Rest, _) => Vec::new(),
    };
    problems
        .into_iter()
        .map(|problem| format!("{} {}: {problem}", route.method.as_str(), route.path.as_str()))
        .collect()
}

fn unserved(route: &Route, reason: &str) -> String {
    format!("{} {} is answered 501: {reason}", route.method.as_str(), route.path.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::project::api::Authorization;
    use crate::project::api::{Method, Mock, RoutePath, Validation};

    fn told(integration: Integration) -> Vec<String> {
        let route = Route {
            method: Method::parse("GET"),
            path: RoutePath::Template("/x".to_owned()),
            integration,
            authorization: Authorization::None,
            api_key_required: false,
            operation_name: None,
            validation: Validation::default(),
        };
        let api = Api { routes: vec![route], ..Api::new(ApiId("Api".to_owned()), ApiKind::Rest, "Prod".to_owned()) };
        of_api(&api, &Models::default())
    }

    fn mock(template: &str) -> Integration {
        let request_templates = BTreeMap::from([("application/json".to_owned(), template.to_owned())]);
        Integration::Mock(Mock { request_templates, ..Mock::default() })
    }

    #[test]
    fn a_route_that_is_answered_501_is_named() {
        assert_eq!(told(mock("{\"statusCode\": 200}")), Vec::<String>::new());
        let found = told(mock("{\"statusCode\": #if(true)200#end}"));
        assert!(found[0].starts_with("GET /x is answered 501: a mapping template uses the Velocity"), "{found:?}");
        let reason = "The integration with x is not a proxy integration and calls what samd does not run.".to_owned();
        let found = told(Integration::Unsupported { kind: "http".to_owned(), function: None, reason });
        assert!(found[0].starts_with("GET /x is answered 501: The integration with x is not a proxy"), "{found:?}");
    }
}
