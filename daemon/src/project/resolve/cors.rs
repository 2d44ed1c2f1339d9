//! SAM's `Cors` of a REST API: an OPTIONS mock for each path that has none (rule I3).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::draft::{Draft, RouteDraft};
use crate::project::api::{Integration, Method, Mock, MockResponse, Validation};
use crate::template::Node;
use crate::template::properties::Properties;

const EVERY_METHOD: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const REQUEST_TEMPLATE: &str = "{\n  \"statusCode\" : 200\n}\n";

/// The values of `Cors`: mapping expressions, quotes and all.
struct Values {
    origin: String,
    headers: Option<String>,
    methods: Option<String>,
    max_age: Option<String>,
    credentials: bool,
}

/// Adds the mocks that `Cors` asks for.
pub(super) fn rest(properties: &Properties<'_>, draft: &mut Draft) {
    let Some(values) = values(properties) else { return };
    let mut methods: HashMap<String, Vec<String>> = HashMap::new();
    for route in &draft.routes {
        methods.entry(route.path.clone()).or_default().push(route.method.as_str().to_owned());
    }
    let mut done: HashSet<String> = HashSet::new();
    for path in draft.paths.clone() {
        let normal = if path == "/" { path.as_str() } else { path.trim_end_matches('/') };
        let own = methods.remove(&path).unwrap_or_default();
        if done.insert(normal.to_owned()) && !own.iter().any(|method| method == "OPTIONS") {
            draft.push(preflight(&path, &own, &values, properties.node));
        }
    }
}

/// `Cors` is an origin alone, or a mapping.
fn values(properties: &Properties<'_>) -> Option<Values> {
    let node = properties.get("Cors").filter(|node| node.says_something())?;
    if let Some(origin) = node.scalar() {
        return Some(Values {
            origin: origin.to_string(),
            headers: None,
            methods: None,
            max_age: None,
            credentials: false,
        });
    }
    let cors = properties.map("Cors")?;
    let origin = cors.text("AllowOrigin").unwrap_or_else(|| "'*'".to_owned());
    let credentials = cors.flag("AllowCredentials") == Some(true);
    if credentials && origin == "'*'" {
        // Written out it is an error of SAM's own; a function's answer SAM does not see.
        cors.warning("AllowCredentials", "with an AllowOrigin of '*' browsers let nobody use AllowCredentials");
    }
    let (headers, methods) = (cors.text("AllowHeaders"), cors.text("AllowMethods"));
    Some(Values { origin, headers, methods, max_age: cors.text("MaxAge"), credentials })
}

fn preflight(path: &str, methods: &[String], values: &Values, source: &Node) -> RouteDraft {
    let response = MockResponse {
        status: 200,
        parameters: headers(methods, values),
        templates: BTreeMap::from([("application/json".to_owned(), "{}\n".to_owned())]),
    };
    RouteDraft {
        path: path.to_owned(),
        method: Method::One("OPTIONS".to_owned()),
        integration: Some(Integration::Mock(Mock {
            request_templates: BTreeMap::from([("application/json".to_owned(), REQUEST_TEMPLATE.to_owned())]),
            responses: BTreeMap::from([("default".to_owned(), response)]),
            passthrough_behavior: None,
        })),
        security: None,
        operation_name: None,
        validation: Validation::default(),
        mark: source.mark.clone(),
    }
}

fn headers(methods: &[String], values: &Values) -> BTreeMap<String, String> {
    let allowed = values.methods.clone().unwrap_or_else(|| format!("'{}'", allowed_methods(methods).join(",")));
    let headers = [
        ("Origin", Some(values.origin.clone())),
        ("Methods", Some(allowed)),
        ("Headers", values.headers.clone()),
        ("Credentials", values.credentials.then(|| "'true'".to_owned())),
    ];
    let named = headers.into_iter().filter_map(|(name, value)| Some((format!("Allow-{name}"), value?)));
    let named = named.chain(values.max_age.clone().map(|value| ("Max-Age".to_owned(), value)));
    named.map(|(name, value)| (format!("method.response.header.Access-Control-{name}"), value)).collect()
}

/// The methods of the path and OPTIONS, in the order of the alphabet; all there are behind `ANY`.
fn allowed_methods(methods: &[String]) -> Vec<&str> {
    if methods.iter().any(|method| method == "ANY") {
        return EVERY_METHOD.to_vec();
    }
    let all: BTreeSet<&str> = methods.iter().map(String::as_str).chain(["OPTIONS"]).collect();
    all.into_iter().collect()
}
