//! What the user's settings change of a resolved project (pure): which functions run, who is asked before a request is
//! answered, what passes as binary. What is left is what should run, so that a change of these settings is a change like
//! any other.

use super::Project;
use super::api::{ApiKind, Authorization};
use super::settings::Settings;
use crate::template::Diagnostic;

/// Tailors a project to its settings.
///
/// # Errors
/// A function that was asked for is not there.
pub fn tailor(project: &mut Project, settings: &Settings) -> Result<(), Diagnostic> {
    if !settings.only_functions.is_empty() {
        keep_only(project, &settings.only_functions)?;
    }
    if settings.gateway.disable_authorizer {
        disable_authorizers(project);
    }
    add_binary_types(project, &settings.gateway.binary_types);
    Ok(())
}

fn keep_only(project: &mut Project, wanted: &[String]) -> Result<(), Diagnostic> {
    for name in wanted {
        if !project.functions.values().any(|function| function.goes_by(name)) {
            let known: Vec<&str> = project.functions.keys().map(|id| id.0.as_str()).collect();
            let error = Diagnostic::error(format!("the template has no function {name}"));
            return Err(error.help(format!("it has: {}", known.join(", "))));
        }
    }
    project.functions.retain(|_, function| wanted.iter().any(|name| function.goes_by(name)));
    Ok(())
}

/// Nobody is asked who may call; API keys are no authorizer and stay.
fn disable_authorizers(project: &mut Project) {
    for api in project.apis.values_mut() {
        for route in &mut api.routes {
            route.authorization = Authorization::None;
        }
    }
    for url in project.functions.values_mut().filter_map(|function| function.url.as_mut()) {
        url.iam = false;
        url.closed = false;
    }
}

fn add_binary_types(project: &mut Project, types: &[String]) {
    for api in project.apis.values_mut().filter(|api| api.kind == ApiKind::Rest) {
        for kind in types {
            if !api.binary_media_types.contains(kind) {
                api.binary_media_types.push(kind.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::api::{Api, ApiId, Integration, Method, Mock, Route, RoutePath, Validation};
    use crate::project::settings::ProjectName;

    fn project() -> Project {
        let route = Route {
            method: Method::Any,
            path: RoutePath::Default,
            integration: Integration::Mock(Mock::default()),
            authorization: Authorization::Iam,
            api_key_required: true,
            operation_name: None,
            validation: Validation::default(),
        };
        let api = |id: &str, kind| Api {
            routes: vec![route.clone()],
            ..Api::new(ApiId(id.to_owned()), kind, "Prod".to_owned())
        };
        let apis = [api("Rest", ApiKind::Rest), api("Http", ApiKind::Http)];
        Project { apis: apis.map(|api| (api.id.clone(), api)).into(), ..Project::default() }
    }

    fn settings() -> Settings {
        Settings::new(ProjectName("shop".to_owned()), "/shop".into())
    }

    #[test]
    fn without_authorizers_everybody_may_call_and_keys_are_still_asked_for() {
        let mut project = project();
        let mut settings = settings();
        settings.gateway.disable_authorizer = true;
        tailor(&mut project, &settings).unwrap();
        let routes: Vec<&Route> = project.apis.values().flat_map(|api| &api.routes).collect();
        assert!(routes.iter().all(|route| route.authorization == Authorization::None && route.api_key_required));
    }

    #[test]
    fn binary_types_are_added_to_rest_apis() {
        let mut project = project();
        let mut settings = settings();
        settings.gateway.binary_types = vec!["image/png".to_owned(), "image/png".to_owned()];
        tailor(&mut project, &settings).unwrap();
        assert_eq!(project.apis[&ApiId("Rest".to_owned())].binary_media_types, ["image/png"]);
        assert!(project.apis[&ApiId("Http".to_owned())].binary_media_types.is_empty());
    }

    #[test]
    fn a_function_that_is_not_there_is_named() {
        let mut settings = settings();
        settings.only_functions = vec!["Nobody".to_owned()];
        let error = tailor(&mut project(), &settings).unwrap_err();
        assert!(error.message.contains("Nobody"), "{error}");
    }
}
