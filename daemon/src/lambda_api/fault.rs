//! Lambda's errors (H1.6): status, `x-amzn-ErrorType`, and a body that is the same to the byte.
//!
//! Pure. The keys of a body are sorted; `Message` is written with a capital where Lambda's own control plane refuses.

use serde_json::json;

use crate::project::settings::ProjectName;

/// An error as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) status: u16,
    /// `x-amzn-ErrorType`.
    pub(super) error_type: &'static str,
    pub(super) body: String,
}

impl Fault {
    fn user(status: u16, error_type: &'static str, message: impl Into<String>) -> Fault {
        let body = json!({ "Type": "User", "message": message.into() }).to_string();
        Fault { status, error_type, body }
    }

    fn service(status: u16, error_type: &'static str, message: impl Into<String>) -> Fault {
        let body = json!({ "Type": "Service", "message": message.into() }).to_string();
        Fault { status, error_type, body }
    }

    fn not_found(message: String) -> Fault {
        let body = json!({ "Message": message, "Type": "User" }).to_string();
        Fault { status: 404, error_type: "ResourceNotFoundException", body }
    }

    /// No project has it. `arn` is unqualified.
    pub(super) fn function_not_found(arn: &str, qualifier: Option<&str>) -> Fault {
        Fault::not_found(format!("Function not found: {arn}:{}", qualifier.unwrap_or("$LATEST")))
    }

    /// The function has no such alias.
    pub(super) fn alias_not_found(arn: &str, alias: &str) -> Fault {
        Fault::not_found(format!("Cannot find alias arn: {arn}:{alias}"))
    }

    /// The payload is not JSON; `problem` is in the words of Lambda's parser.
    pub(super) fn not_json(problem: &str) -> Fault {
        Fault::invalid_content(format!(
            "Could not parse request body into json: Could not parse payload into json: {problem}"
        ))
    }

    /// Something in the request cannot be read.
    pub(super) fn invalid_content(message: impl Into<String>) -> Fault {
        Fault::user(400, "InvalidRequestContentException", message)
    }

    /// A parameter that Lambda does not take.
    pub(super) fn invalid_parameter(message: impl Into<String>) -> Fault {
        Fault::user(400, "InvalidParameterValueException", message)
    }

    /// A value that its pattern does not allow.
    pub(super) fn validation(name: &str, value: &str, pattern: &str) -> Fault {
        Fault::constraint(name, value, &format!("satisfy regular expression pattern: {pattern}"))
    }

    /// A value that is none of a set.
    pub(super) fn no_member(name: &str, value: &str, members: &str) -> Fault {
        Fault::constraint(name, value, &format!("satisfy enum value set: {members}"))
    }

    fn constraint(name: &str, value: &str, constraint: &str) -> Fault {
        let message = format!(
            "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must {constraint}"
        );
        let body = json!({ "message": message }).to_string();
        Fault { status: 400, error_type: "ValidationException", body }
    }

    /// The payload is larger than `limit` bytes.
    pub(super) fn too_large(limit: usize, operation: &str) -> Fault {
        let message = format!("Request must be smaller than {limit} bytes for the {operation} operation");
        Fault::user(413, "RequestTooLargeException", message)
    }

    /// No sandbox may be had.
    pub(super) fn throttled(reason: &str) -> Fault {
        let body = json!({ "Reason": reason, "Type": "User", "message": "Rate Exceeded." }).to_string();
        Fault { status: 429, error_type: "TooManyRequestsException", body }
    }

    /// The body did not come to its end.
    pub(super) fn broken_off(message: &str) -> Fault {
        Fault::invalid_content(format!("Could not read request body: {message}"))
    }

    /// Lambda has it and samd does not.
    pub(super) fn not_served(method: &str, path: &str) -> Fault {
        Fault::unsupported(format!(
            "samd does not serve {method} /{path}; it serves Invoke, InvokeWithResponseStream, GetFunction, \
             GetFunctionConfiguration and ListFunctions, and functions are changed in their template"
        ))
    }

    /// It cannot be done here; the sentence says why.
    pub(super) fn unsupported(message: impl Into<String>) -> Fault {
        Fault::service(501, "NotImplemented", message)
    }

    /// A path that Lambda does not have.
    pub(super) fn unknown_operation() -> Fault {
        let body = json!({ "Message": "Not Found" }).to_string();
        Fault { status: 404, error_type: "UnknownOperationException", body }
    }

    /// The address names a project that does not run.
    pub(super) fn unknown_project(project: &ProjectName) -> Fault {
        let message = format!("samd runs no project named {project}; the endpoint's address ends in a project's name");
        Fault::not_found(message)
    }

    /// samd itself failed, or stops; clients try again.
    pub(super) fn internal(message: impl Into<String>) -> Fault {
        Fault::service(500, "ServiceException", message)
    }

    /// Not for web pages.
    pub(super) fn forbidden(message: impl Into<String>) -> Fault {
        Fault::user(403, "AccessDeniedException", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_lambdas_to_the_byte() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:doesnotexist";
        assert_eq!(
            Fault::function_not_found(arn, None).body,
            r#"{"Message":"Function not found: arn:aws:lambda:us-east-1:123456789012:function:doesnotexist:$LATEST","Type":"User"}"#
        );
        assert_eq!(
            Fault::throttled("ReservedFunctionConcurrentInvocationLimitExceeded").body,
            r#"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#
        );
        assert_eq!(
            Fault::too_large(6_291_456, "InvokeFunction").body,
            r#"{"Type":"User","message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}"#
        );
    }
}
