//! What AWS would not take of an API, or never serve: it is served here, and the finding says what becomes of it there.

use super::domain;
use crate::project::api::{Api, ApiKind, Authorization, Authorizer};

/// Authorizers of an API, audiences of a JWT authorizer, scopes of a route (B6.5).
const AUTHORIZERS: usize = 10;
const AUDIENCES: usize = 50;
const SCOPES: usize = 10;

/// Letters of a stage's name (A1.10).
const STAGE_NAME: usize = 128;

/// One sentence for each thing that AWS would take otherwise.
#[must_use]
pub fn findings(api: &Api) -> Vec<String> {
    stage_name(api).into_iter().chain(reserved_paths(api)).chain(http_limits(api)).collect()
}

fn stage_name(api: &Api) -> Option<String> {
    let name = api.stage.as_str();
    let takes = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let fits = (1..=STAGE_NAME).contains(&name.len()) && name.bytes().all(takes);
    let fits = fits || (api.kind == ApiKind::Http && name == "$default");
    (!fits).then(|| {
        format!("the stage name {name:?} would be refused by AWS, which takes 1 to 128 letters, digits, hyphens and underscores")
    })
}

/// Routes that no client of AWS ever reaches, as API Gateway answers them itself (A1.10).
fn reserved_paths(api: &Api) -> Vec<String> {
    let at_root = api.domains.iter().find(|domain| domain.base_path.is_empty()).map(|domain| domain.name.as_str());
    let host = match (at_root, api.stage.as_str()) {
        (Some(domain), _) => domain,
        (None, "$default") => "the API's own host name",
        (None, _) => return Vec::new(),
    };
    let reserved = api.routes.iter().filter(|route| domain::is_reserved(route.path.as_str()));
    let told = |path: &str| {
        format!("{path} on {host} is API Gateway's own health check on AWS: no request for it reaches this route")
    };
    reserved.map(|route| told(route.path.as_str())).collect()
}

fn http_limits(api: &Api) -> Vec<String> {
    if api.kind != ApiKind::Http {
        return Vec::new();
    }
    let authorizers = over(api.authorizers.len(), AUTHORIZERS).map(|count| format!("the API has {count} authorizers"));
    let audiences = api.authorizers.iter().filter_map(|(name, authorizer)| match authorizer {
        Authorizer::Jwt { audience, .. } => {
            over(audience.len(), AUDIENCES).map(|count| format!("the authorizer {name} has {count} audiences"))
        }
        Authorizer::Lambda(_) | Authorizer::Cognito { .. } | Authorizer::Unsupported { .. } => None,
    });
    let scopes = api.routes.iter().filter_map(|route| match &route.authorization {
        Authorization::Authorizer { scopes, .. } => {
            let name = || format!("{} {}", route.method.as_str(), route.path.as_str());
            over(scopes.len(), SCOPES).map(|count| format!("the route {} asks for {count} scopes", name()))
        }
        Authorization::None | Authorization::Iam => None,
    });
    authorizers.into_iter().chain(audiences).chain(scopes).collect()
}

fn over(count: usize, most: usize) -> Option<String> {
    (count > most).then(|| format!("{count} (AWS takes {most})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apigw::testing::{api, route};
    use crate::project::issuers::PinnedKeys;

    #[test]
    fn a_stage_name_has_a_form() {
        let told = |kind: ApiKind, name: &str| {
            let mut api = api(kind, Vec::new());
            api.stage = name.to_owned();
            findings(&api).len()
        };
        let long = "s".repeat(128);
        for fits in ["Prod", "v1_beta-2", long.as_str()] {
            assert_eq!((told(ApiKind::Rest, fits), told(ApiKind::Http, fits)), (0, 0), "{fits}");
        }
        for (refused, http) in [("a/b", 1), ("", 1), ("v1.0", 1), ("ümlaut", 1), ("$default", 0), (&"s".repeat(129), 1)]
        {
            assert_eq!((told(ApiKind::Rest, refused), told(ApiKind::Http, refused)), (1, http), "{refused}");
        }
    }

    #[test]
    fn routes_that_api_gateway_keeps_for_itself_are_named() {
        let mut rest = api(ApiKind::Rest, vec![route("GET", "/ping"), route("GET", "/sping/x")]);
        rest.stage = "Prod".to_owned();
        assert_eq!(findings(&rest), Vec::<String>::new(), "behind a stage it is reached");
        rest.domains = vec![crate::project::api::Domain { name: "api.example.com".into(), base_path: String::new() }];
        assert!(
            findings(&rest)[0].starts_with("/ping on api.example.com is API Gateway's own"),
            "{:?}",
            findings(&rest)
        );
        let mut http = api(ApiKind::Http, vec![route("GET", "/ping")]);
        http.stage = "$default".to_owned();
        assert!(findings(&http)[0].starts_with("/ping on the API's own host name"), "{:?}", findings(&http));
    }

    #[test]
    fn each_limit_that_is_passed_is_named() {
        let jwt = |audiences: usize| Authorizer::Jwt {
            issuer: "https://issuer".to_owned(),
            audience: vec!["app".to_owned(); audiences],
            identity_source: "$request.header.Authorization".to_owned(),
            pinned: PinnedKeys::new(),
        };
        let mut route = route("GET", "/x");
        let scopes =
            |count: usize| Authorization::Authorizer { name: "A0".to_owned(), scopes: vec!["s".to_owned(); count] };
        route.authorization = scopes(10);
        let mut api = api(ApiKind::Http, vec![route]);
        api.authorizers = (0..10).map(|number| (format!("A{number}"), jwt(50))).collect();
        assert_eq!(findings(&api), Vec::<String>::new());
        api.authorizers.insert("B".to_owned(), jwt(51));
        api.routes[0].authorization = scopes(11);
        let told = findings(&api);
        assert_eq!(told[0], "the API has 11 (AWS takes 10) authorizers");
        assert_eq!(told[1], "the authorizer B has 51 (AWS takes 50) audiences");
        assert_eq!(told[2], "the route GET /x asks for 11 (AWS takes 10) scopes");
    }
}
