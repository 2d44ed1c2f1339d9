//! Names and ARNs of resources: those that the template states, else ones made of logical ids.
//!
//! Nested stacks stand before a logical id with a hyphen, so that two functions never share an ARN.

use super::Scope;

impl Scope<'_> {
    /// The name a function has in Lambda: FunctionName, else its logical id, after its nested stacks where there are any.
    #[must_use]
    pub fn function_name(&self, id: &str) -> String {
        self.property(id, "FunctionName").unwrap_or_else(|| self.id(id).replace('/', "-"))
    }

    /// A function's unqualified ARN.
    #[must_use]
    pub fn function_arn(&self, id: &str) -> String {
        self.arn("lambda", &format!("function:{}", self.function_name(id)))
    }

    /// The ARN of the function that a version or alias belongs to.
    pub(super) fn function_arn_of(&self, id: &str) -> String {
        let function = self.property(id, "FunctionName").unwrap_or_default();
        if function.starts_with("arn:") { function } else { self.arn("lambda", &format!("function:{function}")) }
    }

    /// The ARN of the first version of a layer of the template.
    #[must_use]
    pub fn layer_arn(&self, id: &str) -> String {
        let name = self.property(id, "LayerName").unwrap_or_else(|| self.id(id).replace('/', "-"));
        self.arn("lambda", &format!("layer:{name}:1"))
    }

    pub(super) fn function_url(&self, id: &str) -> String {
        let host: String = id.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        format!("https://{host}.lambda-url.{}.on.aws/", self.around.region)
    }

    pub(super) fn bucket_name(&self, id: &str) -> String {
        self.property(id, "BucketName").unwrap_or_else(|| self.id(id).replace('/', "-").to_ascii_lowercase())
    }

    pub(super) fn physical_name(&self, id: &str) -> String {
        let kind = self.type_of(id).unwrap_or_default();
        let stated = name_property(kind).into_iter().find_map(|key| self.property(id, &key));
        stated.unwrap_or_else(|| self.id(id).replace('/', "-"))
    }

    pub(super) fn arn_of(&self, id: &str, kind: &str) -> String {
        let name = self.physical_name(id);
        match kind {
            "AWS::S3::Bucket" => format!("arn:{}:s3:::{}", partition(&self.around.region), self.bucket_name(id)),
            "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable" | "AWS::Serverless::SimpleTable" => {
                self.arn("dynamodb", &format!("table/{name}"))
            }
            "AWS::SQS::Queue" => self.arn("sqs", &name),
            "AWS::SNS::Topic" => self.arn("sns", &name),
            "AWS::StepFunctions::StateMachine" | "AWS::Serverless::StateMachine" => {
                self.arn("states", &format!("stateMachine:{name}"))
            }
            "AWS::Events::EventBus" => self.arn("events", &format!("event-bus/{name}")),
            "AWS::Events::Rule" => self.arn("events", &format!("rule/{name}")),
            "AWS::Kinesis::Stream" => self.arn("kinesis", &format!("stream/{name}")),
            "AWS::Cognito::UserPool" => self.arn("cognito-idp", &format!("userpool/{}_{id}", self.around.region)),
            "AWS::SecretsManager::Secret" => self.arn("secretsmanager", &format!("secret:{name}")),
            "AWS::Logs::LogGroup" => self.arn("logs", &format!("log-group:{name}:*")),
            "AWS::CloudFormation::Stack" | "AWS::Serverless::Application" => {
                self.arn("cloudformation", &format!("stack/{name}/51af3dc0-da77-11e4-872e-1234567db123"))
            }
            "AWS::IAM::Role" => self.global_arn("iam", &format!("role/{name}")),
            "AWS::IAM::User" => self.global_arn("iam", &format!("user/{name}")),
            _ => {
                let mut parts = kind.split("::").skip(1).map(str::to_ascii_lowercase);
                let service = parts.next().unwrap_or_default();
                self.arn(&service, &format!("{}/{name}", parts.next().unwrap_or_default()))
            }
        }
    }

    /// An ARN of the account and region in use.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let (region, account) = (&self.around.region, &self.around.account);
        format!("arn:{}:{service}:{region}:{account}:{resource}", partition(region))
    }

    pub(super) fn global_arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}::{}:{resource}", partition(&self.around.region), self.around.account)
    }
}

/// The properties that may give a resource its name: `TableName` for a table, else `Name`.
pub(super) fn name_property(kind: &str) -> [String; 2] {
    let noun = match kind.rsplit("::").next().unwrap_or_default() {
        "SimpleTable" | "GlobalTable" => "Table",
        noun => noun,
    };
    [format!("{noun}Name"), "Name".to_owned()]
}

pub(super) fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

pub(super) fn url_suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}
