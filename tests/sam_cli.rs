//! `samctl local …` as users of the SAM CLI type it, each command as a process of its own.

mod api;
mod events;
mod invoke;
mod lambda;
mod names;
mod options;
mod settings;

use samd_tests::daemon::Project;

/// A function behind `GET /hello` that tells its variable and prints, and one behind `ANY /{proxy+}`.
const TEMPLATE: &str = "\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: none}
Globals:
  Function: {CodeUri: src/, Runtime: python3.11, Timeout: 10, MemorySize: 256}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.hello
      Environment: {Variables: {STAGE: !Ref Stage, WHO: template}}
      Events:
        Get: {Type: Api, Properties: {Path: /hello, Method: get}}
        Post: {Type: Api, Properties: {Path: /hello, Method: post}}
  Rest:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.rest
      Events:
        Any: {Type: Api, Properties: {Path: '/files/{proxy+}', Method: any}}
";

const CODE: &str = "\
import json, os
def hello(event, context):
    print('hello was called')
    if isinstance(event, dict) and event.get('fail'):
        raise ValueError(event['fail'])
    told = {'stage': os.environ.get('STAGE'), 'who': os.environ.get('WHO'), 'event': event}
    return {'statusCode': 200, 'body': json.dumps(told)}
def rest(event, context):
    return {'statusCode': 200, 'body': 'rest of ' + event.get('path', '')}
";

fn project() -> Project {
    Project::of(&[("template.yaml", TEMPLATE), ("src/app.py", CODE)])
}
