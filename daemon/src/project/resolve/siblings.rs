//! Paths that API Gateway refuses beside each other (A6.1): two variable parts under one path of a REST API, and anything
//! under a greedy one. They are served here, by the router's own order, and the finding says what becomes of them on AWS.

use super::clash;
use crate::project::Project;
use crate::project::api::{Api, ApiKind, Route, RoutePath};
use crate::template::Diagnostic;
use crate::template::hashed::HashedMap;

/// One finding for each path that a REST API cannot have beside its others, at the first route that has it.
pub(super) fn refused(project: &Project) -> Vec<Diagnostic> {
    let apis = project.precedence.iter().filter_map(|id| project.apis.get(id));
    apis.filter(|api| api.kind == ApiKind::Rest).flat_map(|api| of_api(project, api)).collect()
}

fn of_api(project: &Project, api: &Api) -> Vec<Diagnostic> {
    let mut parts = Parts::default();
    let told = |route: &Route, message: String| {
        let location = clash::place(project, route, api).cloned();
        let local = api.id.0.rsplit('/').next().unwrap_or_default();
        Diagnostic { location, ..Diagnostic::warning(message).path(format!("Resources.{local}")) }
    };
    let mut findings = Vec::new();
    for route in &api.routes {
        if let RoutePath::Template(path) = &route.path {
            findings.extend(parts.add(path).into_iter().map(|message| told(route, message)));
        }
    }
    findings
}

/// The variable parts that were seen under each path; a refused one counts as seen, so that it is told once.
#[derive(Default)]
struct Parts<'p> {
    seen: HashedMap<String, Vec<&'p str>>,
}

impl<'p> Parts<'p> {
    fn add(&mut self, path: &'p str) -> Vec<String> {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let mut parent = String::from("/");
        let mut messages = Vec::new();
        for (index, segment) in segments.iter().copied().enumerate() {
            if segment.starts_with('{') && segment.ends_with('}') {
                messages.extend(self.variable(&parent, segment, path));
                let under = segments.get(index + 1).filter(|_| segment.ends_with("+}"));
                messages.extend(under.map(|_| {
                    format!(
                        "AWS refuses {path}: nothing stands under a greedy part such as {segment}; it is served here"
                    )
                }));
            }
            parent.push_str(segment);
            parent.push('/');
        }
        messages
    }

    fn variable(&mut self, parent: &str, segment: &'p str, path: &str) -> Option<String> {
        let seen = self.seen.entry(parent.to_owned()).or_default();
        if seen.contains(&segment) {
            return None;
        }
        seen.push(segment);
        let first = seen.first().filter(|first| **first != segment)?;
        Some(format!(
            "AWS refuses {path} beside {parent}{first}: a path has one variable part under it; it is served here"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(paths: &[&str]) -> Vec<String> {
        let mut parts = Parts::default();
        paths.iter().flat_map(|path| parts.add(path)).collect()
    }

    #[test]
    fn two_variable_parts_under_one_path_are_told_once() {
        let found = told(&["/a/{b}", "/a/{c}/d", "/a/{c}/e", "/a/{b}/f"]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("AWS refuses /a/{c}/d beside /a/{b}: "), "{found:?}");
        let found = told(&["/z/{q}", "/z/{q+}"]);
        assert!(found[0].starts_with("AWS refuses /z/{q+} beside /z/{q}: "), "{found:?}");
    }

    #[test]
    fn nothing_stands_under_a_greedy_part() {
        let found = told(&["/p/{x+}/y"]);
        assert!(found[0].starts_with("AWS refuses /p/{x+}/y: nothing stands under"), "{found:?}");
    }

    #[test]
    fn what_aws_takes_is_not_told() {
        let paths = ["/", "/a", "/a/{b}", "/a/{b}/c", "/a/{b}/{d}", "/a/x/{e}", "/{proxy+}", "/g/{x+}", "/a/x"];
        assert_eq!(told(&paths), Vec::<String>::new());
    }
}
