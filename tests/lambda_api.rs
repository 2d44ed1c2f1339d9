//! The Lambda endpoint, called by AWS's own clients and by functions.

mod asynchronous;
mod clients_agree;
mod errors;
mod functions;
mod place;
mod reading;

use samd_tests::daemon::Project;

/// A function that tells what it was invoked with.
const TELL: &str = "
import json
def handler(event, context):
    print('called with', json.dumps(event))
    if isinstance(event, dict) and event.get('fail'):
        raise ValueError(event['fail'])
    if event == 'nothing':
        return None
    return {'event': event, 'id': context.aws_request_id, 'arn': context.invoked_function_arn,
            'custom': context.client_context.custom if context.client_context else None}
";

/// A template with one function for each pair of a logical id and more properties.
fn template(functions: &[(&str, &str)]) -> String {
    let functions = functions.iter().map(|(id, more)| {
        format!(
            "  {id}:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: src/\n      \
             Handler: app.handler\n      Runtime: python3.11\n      Timeout: 20\n{}",
            more.lines().map(|line| format!("      {line}\n")).collect::<String>()
        )
    });
    format!("Transform: AWS::Serverless-2016-10-31\nResources:\n{}", functions.collect::<String>())
}

/// A project of these functions, all with one code.
fn project(functions: &[(&str, &str)], code: &str) -> Project {
    Project::of(&[("template.yaml", &template(functions)), ("src/app.py", code)])
}
