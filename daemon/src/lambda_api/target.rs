//! What a request is about: the project whose address was used, the operation, the function.
//!
//! Pure. A function is named as in H1.1; the template's logical id, of a nested stack too (`Stack/Fn`), is a name as well.

use http::Method;
use percent_encoding::percent_decode_str;

use super::fault::Fault;
use crate::project::settings::ProjectName;

/// The pattern that AWS names where a function's name is none.
const PATTERN: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Invoke,
    InvokeWithResponseStream,
    GetFunction,
    GetFunctionConfiguration,
    ListFunctions,
}

/// A request's target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The project whose address was used.
    pub(super) caller: Option<ProjectName>,
    pub(super) operation: Operation,
    /// Absent where no function is named.
    pub(super) function: Option<FunctionName>,
}

impl Target {
    /// Reads method, path and the query's `Qualifier`.
    pub(super) fn parse(method: &Method, path: &str, qualifier: Option<&str>) -> Result<Target, Fault> {
        let (caller, rest) = split_caller(path);
        let (operation, name) = operation(method, rest).ok_or_else(|| unserved(method, rest))?;
        let function = name.map(|name| FunctionName::parse(&name, qualifier)).transpose()?;
        Ok(Target { caller, operation, function })
    }
}

/// The project before the API's version, where there is one.
fn split_caller(path: &str) -> (Option<ProjectName>, &str) {
    let rest = path.trim_start_matches('/');
    match rest.split_once('/') {
        Some((first, rest)) if !is_version(first) || is_version(rest.split('/').next().unwrap_or_default()) => {
            (Some(ProjectName(decoded(first))), rest)
        }
        _ => (None, rest),
    }
}

/// The API's versions are dates.
fn is_version(segment: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = segment.split('-').collect();
    matches!(parts.as_slice(), [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

fn operation(method: &Method, path: &str) -> Option<(Operation, Option<String>)> {
    let named = |name: &str| (!name.is_empty()).then(|| decoded(name));
    if let Some(rest) = path.strip_prefix("2021-11-15/functions/") {
        let name = rest.strip_suffix("/response-streaming-invocations").filter(|_| method == Method::POST)?;
        return Some((Operation::InvokeWithResponseStream, Some(named(name)?)));
    }
    let rest = path.strip_prefix("2015-03-31/functions")?;
    if matches!(rest, "" | "/") {
        return (method == Method::GET).then_some((Operation::ListFunctions, None));
    }
    let rest = rest.strip_prefix('/')?;
    if let Some(name) = rest.strip_suffix("/invocations") {
        return (method == Method::POST).then_some((Operation::Invoke, Some(named(name)?)));
    }
    if method != Method::GET {
        return None;
    }
    if let Some(name) = rest.strip_suffix("/configuration") {
        return Some((Operation::GetFunctionConfiguration, Some(named(name)?)));
    }
    // A slash is part of a nested stack's function alone, and clients encode it; other slashes are other operations.
    (!rest.contains('/')).then_some((Operation::GetFunction, Some(named(rest)?)))
}

/// An operation of Lambda's that this endpoint does not have, or none at all.
fn unserved(method: &Method, path: &str) -> Fault {
    let version = path.split('/').next().unwrap_or_default();
    if is_version(version) { Fault::not_served(method.as_str(), path) } else { Fault::unknown_operation() }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A function as a caller names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FunctionName {
    pub(super) name: String,
    /// `$LATEST`, a version or an alias; from the name or from the query.
    pub(super) qualifier: Option<String>,
    /// The region and the account, where the caller names them.
    pub(super) region: Option<String>,
    pub(super) account: Option<String>,
}

impl FunctionName {
    fn parse(text: &str, query: Option<&str>) -> Result<FunctionName, Fault> {
        let mut function = read(text).ok_or_else(|| Fault::validation("functionName", text, PATTERN))?;
        match (&function.qualifier, query.filter(|query| !query.is_empty())) {
            (Some(own), Some(query)) if own != query => {
                let sentence = "The derived qualifier from the function name does not match the specified qualifier.";
                return Err(Fault::invalid_parameter(sentence));
            }
            (None, Some(query)) => function.qualifier = Some(query.to_owned()),
            _ => {}
        }
        Ok(function)
    }
}

fn read(text: &str) -> Option<FunctionName> {
    let mut parts: Vec<&str> = text.split(':').collect();
    if parts.first() == Some(&"arn") {
        let whole = parts.len() >= 7 && parts[1].starts_with("aws") && parts[2] == "lambda" && parts[5] == "function";
        whole.then(|| parts.drain(..3))?;
    }
    let region = take_if(&mut parts, is_region);
    let account = take_if(&mut parts, |part| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit()));
    take_if(&mut parts, |part| part == "function");
    let (name, qualifier) = match parts.as_slice() {
        [name] => (*name, None),
        [name, qualifier] => (*name, Some((*qualifier).to_owned())),
        _ => return None,
    };
    let word = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
    };
    let good = word(name, "-_/") && qualifier.as_deref().is_none_or(|text| text == "$LATEST" || word(text, "-_"));
    good.then(|| FunctionName { name: name.to_owned(), qualifier, region, account })
}

/// Takes the first part where it is such a one and something follows it.
fn take_if(parts: &mut Vec<&str>, is_such: impl Fn(&str) -> bool) -> Option<String> {
    (parts.len() > 1 && is_such(parts[0])).then(|| parts.remove(0).to_owned())
}

/// `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let last_is_number = parts.last().is_some_and(|last| last.len() == 1 && last.bytes().all(|b| b.is_ascii_digit()));
    parts.len() >= 3 && parts[0].len() == 2 && last_is_number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(method: Method, path: &str) -> Result<Target, Fault> {
        Target::parse(&method, path, None)
    }

    fn function(name: &str) -> FunctionName {
        FunctionName { name: name.to_owned(), qualifier: None, region: None, account: None }
    }

    #[test]
    fn a_function_is_named_in_each_of_lambdas_forms() {
        let arn = FunctionName {
            region: Some("eu-west-1".to_owned()),
            account: Some("123456789012".to_owned()),
            ..function("Fn")
        };
        let live = Some("live".to_owned());
        let cases = [
            ("Fn", function("Fn")),
            ("Fn:live", FunctionName { qualifier: live.clone(), ..function("Fn") }),
            ("Fn:$LATEST", FunctionName { qualifier: Some("$LATEST".to_owned()), ..function("Fn") }),
            ("function:Fn", function("Fn")),
            ("123456789012:function:Fn", FunctionName { region: None, ..arn.clone() }),
            ("123456789012:function:Fn:live", FunctionName { region: None, qualifier: live.clone(), ..arn.clone() }),
            ("arn:aws:lambda:eu-west-1:123456789012:function:Fn", arn.clone()),
            ("arn:aws:lambda:eu-west-1:123456789012:function:Fn:live", FunctionName { qualifier: live, ..arn }),
            ("Shop/Orders", function("Shop/Orders")),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        for text in ["", "a b", "arn:aws:s3:::bucket", "Fn:a:b", "Fn:$OLDEST", "arn:aws:lambda:Fn", "Fn:"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_arn_may_be_raw_or_encoded_and_a_project_stands_before_the_version() {
        let raw = "/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:Fn/invocations";
        let encoded = raw.replace(':', "%3A");
        let expected = target(Method::POST, raw).unwrap();
        assert_eq!(target(Method::POST, &encoded).unwrap(), expected);
        let of_shop = target(Method::POST, &format!("/shop{raw}")).unwrap();
        assert_eq!(of_shop, Target { caller: Some(ProjectName("shop".to_owned())), ..expected });
        let dated = target(Method::GET, "/2020-01-01/2015-03-31/functions/").unwrap();
        assert_eq!(dated.caller, Some(ProjectName("2020-01-01".to_owned())));
    }

    #[test]
    fn each_operation_has_its_path() {
        use Operation::*;
        let cases = [
            (Method::POST, "/2015-03-31/functions/Fn/invocations", Invoke),
            (Method::POST, "/2021-11-15/functions/Fn/response-streaming-invocations", InvokeWithResponseStream),
            (Method::GET, "/2015-03-31/functions/Fn", GetFunction),
            (Method::GET, "/2015-03-31/functions/Shop%2FFn/configuration", GetFunctionConfiguration),
            (Method::GET, "/2015-03-31/functions", ListFunctions),
        ];
        for (method, path, operation) in cases {
            assert_eq!(target(method, path).unwrap().operation, operation, "{path}");
        }
    }

    #[test]
    fn what_is_not_served_is_told_from_what_is_not_lambdas() {
        assert_eq!(target(Method::POST, "/2015-03-31/functions").unwrap_err().status, 501);
        assert_eq!(target(Method::GET, "/shop/2015-03-31/functions/Fn/policy").unwrap_err().status, 501);
        assert_eq!(target(Method::GET, "/index.html").unwrap_err().status, 404);
        assert_eq!(target(Method::GET, "/").unwrap_err().status, 404);
    }

    #[test]
    fn two_qualifiers_have_to_agree() {
        let path = "/2015-03-31/functions/Fn:live/invocations";
        assert!(Target::parse(&Method::POST, path, Some("live")).is_ok());
        assert_eq!(Target::parse(&Method::POST, path, Some("1")).unwrap_err().status, 400);
    }
}
