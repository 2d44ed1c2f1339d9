//! Makes templates of any size, as a large shop's would be: functions with variables, events on one API, some intrinsics.

use std::fmt::Write as _;

/// A template with so many functions, which share so many routes evenly.
///
/// # Panics
/// Never: writing to text does not fail.
#[must_use]
pub fn large_template(functions: usize, routes: usize) -> String {
    let mut text = String::from(
        "Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
Globals:
  Function:
    Runtime: python3.13
    Handler: app.handler
    Timeout: 10
    Environment: {Variables: {STAGE: !Ref Stage}}
Resources:
  Table: {Type: AWS::Serverless::SimpleTable}
",
    );
    let each = routes / functions.max(1);
    for function in 0..functions {
        write!(
            text,
            "  Function{function}:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/function{function}/
      MemorySize: {memory}
      Environment:
        Variables:
          TABLE: !Ref Table
          NAME: !Sub \"${{AWS::StackName}}-${{Stage}}-{function}\"
      Policies: [{{DynamoDBCrudPolicy: {{TableName: !Ref Table}}}}]
      Events:
",
            memory = 128 + function % 8 * 64,
        )
        .expect("text can be written");
        for route in 0..each {
            writeln!(
                text,
                "        Route{route}: {{Type: Api, Properties: {{Path: \"/group{}/function{function}/{{id}}/route{route}\", Method: get}}}}",
                function % 100
            )
            .expect("text can be written");
        }
    }
    text
}
