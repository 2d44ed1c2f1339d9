//! What an API has more of than AWS takes: it is served here, and the deployment would be refused.

use crate::project::api::{Api, ApiKind, Authorization, Authorizer};

/// Authorizers of an API, audiences of a JWT authorizer, scopes of a route (B6.5).
const AUTHORIZERS: usize = 10;
const AUDIENCES: usize = 50;
const SCOPES: usize = 10;

/// One sentence for each limit of HTTP APIs that an API is over.
#[must_use]
pub fn findings(api: &Api) -> Vec<String> {
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
