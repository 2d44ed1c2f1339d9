//! The names of a function's environment variables that Lambda refuses at deployment (F6.1, F6.3).

use crate::template::properties::Properties;

/// Names that Lambda keeps for itself.
const RESERVED: [&str; 19] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// Says which of the variables Lambda would not take, each at its place.
pub(super) fn check(variables: &Properties<'_>) {
    let names = variables.node.as_map().into_iter().flat_map(crate::template::node::Map::iter);
    for (name, _) in names {
        if is_reserved(&name.text) {
            let message =
                format!("Lambda keeps the variable {} for itself: AWS refuses to deploy the function", name.text);
            variables.warning(&name.text, message);
        } else if !is_well_formed(&name.text) {
            let message = format!(
                "AWS refuses the variable {}: a name is a letter and then letters, digits and underscores, two characters at least",
                name.text
            );
            variables.warning(&name.text, message);
        }
    }
}

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with("AWS_LAMBDA_METADATA_")
}

fn is_well_formed(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.len() > 1 && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_lambdas_form() {
        for name in ["AB", "a_1", "AWS_LAMBDA_EXEC_WRAPPER", "TZ"] {
            assert!(is_well_formed(name) && !is_reserved(name), "{name}");
        }
        for name in ["A", "_X", "A-B", "1A", "A B", "", "Ä1"] {
            assert!(!is_well_formed(name), "{name}");
        }
        for name in ["_HANDLER", "AWS_REGION", "AWS_LAMBDA_METADATA_API"] {
            assert!(is_reserved(name), "{name}");
        }
    }
}
