//! The lines that say where each function is reached: `Mounting Hello at http://127.0.0.1:3000/hello [GET, POST]`.

use samd_proto::route::{ApiKind, Route};

/// What `ANY` stands for, as the SAM CLI spells it.
const ANY: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// A line for each function and address, in the order of the routes. URLs begin with `base`, which has the host as the
/// user typed it; those with a host name of their own keep it.
pub(super) fn lines(routes: &[Route], base: &str) -> Vec<String> {
    let mut mounts: Vec<Mount> = Vec::new();
    for route in routes {
        let (what, url) = (what(route), url(route, base));
        let methods = methods(&route.method);
        match mounts.iter_mut().find(|mount| mount.what == what && mount.url == url) {
            Some(mount) => mount.methods.extend(methods),
            None => mounts.push(Mount { what, url, methods }),
        }
    }
    mounts.iter().map(Mount::line).collect()
}

struct Mount {
    what: String,
    url: String,
    methods: Vec<String>,
}

impl Mount {
    fn line(&self) -> String {
        let mut methods = self.methods.clone();
        methods.sort_unstable();
        methods.dedup();
        format!("Mounting {} at {} [{}]", self.what, self.url, methods.join(", "))
    }
}

/// The function, or what answers in its place.
fn what(route: &Route) -> String {
    match (&route.function, route.integration.as_str()) {
        (Some(function), _) => function.clone(),
        (None, "lambda") => "(a function that the template does not have)".to_owned(),
        (None, integration) => format!("({integration})"),
    }
}

fn url(route: &Route, base: &str) -> String {
    let own = route.url.as_ref().filter(|_| route.shadowed || route.kind == ApiKind::Url);
    match own {
        Some(url) => url.clone(),
        None if route.path == "$default" => format!("{base}/$default"),
        None => format!("{base}{}", route.path),
    }
}

fn methods(method: &str) -> Vec<String> {
    match method {
        "ANY" => ANY.map(str::to_owned).to_vec(),
        one => vec![one.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str, function: Option<&str>) -> Route {
        Route {
            method: method.to_owned(),
            path: path.to_owned(),
            url: Some(format!("http://127.0.0.1:3000{path}")),
            api: "ServerlessRestApi".to_owned(),
            kind: ApiKind::Rest,
            integration: if function.is_some() { "lambda" } else { "mock" }.to_owned(),
            function: function.map(str::to_owned),
            runtime: None,
            authorizer: None,
            api_key_required: false,
            shadowed: false,
            note: None,
        }
    }

    #[test]
    fn methods_of_one_function_and_path_share_a_line() {
        let routes = [
            route("POST", "/hello", Some("Hello")),
            route("GET", "/hello", Some("Hello")),
            route("GET", "/other", Some("Hello")),
            route("OPTIONS", "/hello", None),
            route("ANY", "$default", Some("Rest")),
        ];
        let expected = [
            "Mounting Hello at http://localhost:3000/hello [GET, POST]",
            "Mounting Hello at http://localhost:3000/other [GET]",
            "Mounting (mock) at http://localhost:3000/hello [OPTIONS]",
            "Mounting Rest at http://localhost:3000/$default [DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT]",
        ];
        assert_eq!(lines(&routes, "http://localhost:3000"), expected);
    }

    #[test]
    fn a_function_url_keeps_its_host() {
        let url = Some("http://fn.lambda-url.localhost:3000/".to_owned());
        let route = Route { kind: ApiKind::Url, url, ..route("ANY", "/{proxy+}", Some("Fn")) };
        assert!(
            lines(&[route], "http://127.0.0.1:3000")[0].starts_with("Mounting Fn at http://fn.lambda-url.localhost")
        );
    }
}
