//! What `Ref` and `Fn::GetAtt` give when nothing is deployed: names that the template states, and stand-ins.
//!
//! A stand-in is stable and well formed: the same template gives the same text each time, an ARN looks like an ARN of the
//! account and region in use. Each one that a deployment could only guess is noted ([`super::Findings::stand_in`]), and
//! an override of the same expression (`Table.StreamArn`) replaces it.

use super::node::{Mark, Node};
use super::physical::{name_property, partition, url_suffix};
use super::{Diagnostic, Scope};

impl Scope<'_> {
    /// Whether a name is a parameter, a pseudo parameter or a resource, dots and all.
    pub(super) fn is_name(&self, name: &str) -> bool {
        self.parameters.contains_key(name) || self.template.resource(name).is_some() || name.starts_with("AWS::")
    }

    /// The value of `Ref`.
    #[must_use]
    pub fn reference(&self, name: &str, mark: &Mark) -> Node {
        if let Some(value) = self.pseudo_parameter(name, mark).or_else(|| self.parameters.get(name).cloned()) {
            return value;
        }
        match self.type_of(name) {
            Some(kind) => self.resource_reference(name, kind, mark),
            None => self.generated_reference(name, mark),
        }
    }

    fn pseudo_parameter(&self, name: &str, mark: &Mark) -> Option<Node> {
        let around = &self.around;
        let text = match name.strip_prefix("AWS::")? {
            "Region" => around.region.clone(),
            "AccountId" => around.account.clone(),
            "Partition" => partition(&around.region).to_owned(),
            "StackName" => self.stack_name(),
            "StackId" => {
                let id = "51af3dc0-da77-11e4-872e-1234567db123";
                self.arn("cloudformation", &format!("stack/{}/{id}", self.stack_name()))
            }
            "URLSuffix" => url_suffix(&around.region).to_owned(),
            "NoValue" => String::new(),
            "NotificationARNs" => return Some(Node::list(Vec::new(), mark)),
            _ => return None,
        };
        Some(Node::text(&text, mark))
    }

    /// `AWS::StackName`; a nested stack's has its parents' before it.
    fn stack_name(&self) -> String {
        let nested = self.prefix.trim_end_matches('/').replace('/', "-");
        if nested.is_empty() { self.around.stack_name.clone() } else { format!("{}-{nested}", self.around.stack_name) }
    }

    fn resource_reference(&self, id: &str, kind: &str, mark: &Mark) -> Node {
        let name = |scope: &Self| scope.physical_name(id);
        let text = match kind {
            "AWS::Lambda::Function" | "AWS::Serverless::Function" => return Node::text(&self.function_name(id), mark),
            "AWS::Lambda::LayerVersion" | "AWS::Serverless::LayerVersion" => {
                return Node::text(&self.layer_arn(id), mark);
            }
            "AWS::Serverless::Api"
            | "AWS::Serverless::HttpApi"
            | "AWS::Serverless::WebSocketApi"
            | "AWS::ApiGateway::RestApi"
            | "AWS::ApiGatewayV2::Api" => return Node::text(&self.id(id), mark),
            "AWS::ApiGateway::Stage" | "AWS::ApiGatewayV2::Stage" => self.property(id, "StageName").unwrap_or_default(),
            "AWS::Lambda::Version" => format!("{}:1", self.function_arn_of(id)),
            "AWS::Lambda::Alias" => format!("{}:{}", self.function_arn_of(id), name(self)),
            // A model goes by its name (A8.4): `$ref`s to it are URLs that end in it.
            "AWS::ApiGateway::Model" => {
                return Node::text(&self.property(id, "Name").unwrap_or_else(|| id.to_owned()), mark);
            }
            // What names only another resource of this template is no stand-in: nothing outside ever sees it.
            kind if kind.starts_with("AWS::ApiGateway") => return Node::text(id, mark),
            "AWS::SQS::Queue" => {
                let (region, suffix) = (&self.around.region, url_suffix(&self.around.region));
                format!("https://sqs.{region}.{suffix}/{}/{}", self.around.account, name(self))
            }
            "AWS::S3::Bucket" => self.bucket_name(id),
            "AWS::Cognito::UserPool" => format!("{}_{id}", self.around.region),
            "AWS::SNS::Topic"
            | "AWS::StepFunctions::StateMachine"
            | "AWS::Serverless::StateMachine"
            | "AWS::SecretsManager::Secret"
            | "AWS::CloudFormation::Stack"
            | "AWS::Serverless::Application" => self.arn_of(id, kind),
            _ => name(self),
        };
        if self.states_its_name(id, kind) { Node::text(&text, mark) } else { self.stand_in(&self.id(id), &text, mark) }
    }

    /// Whether `Ref` of a resource is a name that the template itself gives.
    fn states_its_name(&self, id: &str, kind: &str) -> bool {
        let referred_by_name = !matches!(kind, "AWS::Cognito::UserPool" | "AWS::SecretsManager::Secret");
        referred_by_name
            && (name_property(kind).iter().any(|key| self.property(id, key).is_some()) || kind.contains("Stage"))
    }

    /// What SAM generates beside a resource: `Function.Alias`, `ApiProdStage`, `FunctionRole`.
    fn generated_reference(&self, name: &str, mark: &Mark) -> Node {
        if let Some((id, property)) = name.split_once('.').filter(|(id, _)| self.type_of(id).is_some()) {
            return match property {
                "Stage" => Node::text(&self.property(id, "StageName").unwrap_or_default(), mark),
                "Version" => Node::text(&format!("{}:1", self.function_arn(id)), mark),
                "Alias" => {
                    let alias = self.property(id, "AutoPublishAlias").unwrap_or_default();
                    Node::text(&format!("{}:{alias}", self.function_arn(id)), mark)
                }
                _ => self.stand_in(name, name, mark),
            };
        }
        match name {
            "ServerlessRestApi" | "ServerlessHttpApi" => return Node::text(&self.id(name), mark),
            "ServerlessRestApiProdStage" => return Node::text("Prod", mark),
            "ServerlessHttpApiApiGatewayDefaultStage" => return Node::text("$default", mark),
            _ => {}
        }
        if !self.is_generated(name) {
            let message = format!("there is no parameter and no resource {name}");
            let help = format!("define {name}, or correct the name");
            self.findings().report(Diagnostic::warning(message).at(mark.location()).help(help));
        }
        self.stand_in(name, name, mark)
    }

    /// The value of `Fn::GetAtt`.
    #[must_use]
    pub fn attribute(&self, id: &str, attribute: &str, mark: &Mark) -> Node {
        let Some(kind) = self.type_of(id) else { return self.generated_attribute(id, attribute, mark) };
        if let Some(output) = attribute.strip_prefix("Outputs.") {
            return self.nested_output(id, output, mark);
        }
        let stated = match (kind, attribute) {
            ("AWS::Lambda::Function" | "AWS::Serverless::Function", "Arn") => self.function_arn(id),
            ("AWS::Lambda::LayerVersion" | "AWS::Serverless::LayerVersion", "LayerVersionArn" | "Arn") => {
                self.layer_arn(id)
            }
            ("AWS::ApiGateway::RestApi" | "AWS::Serverless::Api", "RootResourceId") => root_resource(&self.id(id)),
            (
                kind,
                "ApiId" | "RestApiId" | "ResourceId" | "AuthorizerId" | "IntegrationId" | "RouteId"
                | "RequestValidatorId" | "VpcLinkId",
            ) if kind.starts_with("AWS::ApiGateway") => self.reference(id, mark).as_str().unwrap_or(id).to_owned(),
            ("AWS::ApiGateway::DomainNameV2", "DomainNameArn") => {
                let name = self.property(id, "DomainName").unwrap_or_else(|| id.to_owned());
                self.arn("apigateway", &format!("/domainnames/{name}+{id}"))
            }
            (kind, "ModelId" | "DeploymentId" | "APIKeyId") if kind.starts_with("AWS::ApiGateway") => id.to_owned(),
            ("AWS::Lambda::Version", "Version") => "1".to_owned(),
            ("AWS::Lambda::Url", "FunctionArn") => {
                let target = self.property(id, "TargetFunctionArn").unwrap_or_default();
                let qualifier = self.property(id, "Qualifier").map(|name| format!(":{name}")).unwrap_or_default();
                format!("{target}{qualifier}")
            }
            ("AWS::CloudFormation::WaitConditionHandle", _) => id.to_owned(),
            _ => return self.guessed_attribute(id, kind, attribute, mark),
        };
        Node::text(&stated, mark)
    }

    fn guessed_attribute(&self, id: &str, kind: &str, attribute: &str, mark: &Mark) -> Node {
        let region = &self.around.region;
        let text = match (kind, attribute) {
            (_, "Arn" | "TopicArn" | "AliasArn") => self.arn_of(id, kind),
            (_, "StreamArn") => format!("{}/stream/2024-01-01T00:00:00.000", self.arn_of(id, kind)),
            (_, "QueueUrl") => self.resource_reference(id, kind, mark).as_str().unwrap_or(id).to_owned(),
            (_, "QueueName" | "TopicName" | "Name" | "RoleName" | "TableName") => self.physical_name(id),
            ("AWS::Cognito::UserPool", "ProviderURL") => {
                format!("https://cognito-idp.{region}.amazonaws.com/{region}_{id}")
            }
            ("AWS::Cognito::UserPool", "ProviderName") => format!("cognito-idp.{region}.amazonaws.com/{region}_{id}"),
            ("AWS::ApiGatewayV2::Api", "ApiEndpoint") => format!("https://{id}.execute-api.{region}.amazonaws.com"),
            ("AWS::S3::Bucket", "DomainName") => format!("{}.s3.amazonaws.com", self.bucket_name(id)),
            ("AWS::S3::Bucket", "RegionalDomainName") => format!("{}.s3.{region}.amazonaws.com", self.bucket_name(id)),
            ("AWS::Lambda::Url", "FunctionUrl") => self.function_url(id),
            _ => format!("{id}.{attribute}"),
        };
        self.stand_in(&format!("{}.{attribute}", self.id(id)), &text, mark)
    }

    fn generated_attribute(&self, id: &str, attribute: &str, mark: &Mark) -> Node {
        let text = match (id, attribute) {
            ("ServerlessRestApi", "RootResourceId") => root_resource(&self.id(id)),
            (_, "Arn") if id.ends_with("Role") => self.global_arn("iam", &format!("role/{id}")),
            (_, "FunctionUrl") if id.ends_with("Url") => self.function_url(id),
            // What most often lacks is a function of another template.
            (_, "Arn") => self.arn("lambda", &format!("function:{id}")),
            _ => format!("{id}.{attribute}"),
        };
        if !self.is_generated(id) {
            let message = format!("there is no resource {id}, of which {attribute} is asked for");
            let help = format!("define {id}, or correct the name");
            self.findings().report(Diagnostic::warning(message).at(mark.location()).help(help));
        }
        self.stand_in(&format!("{}.{attribute}", self.id(id)), &text, mark)
    }

    fn nested_output(&self, id: &str, output: &str, mark: &Mark) -> Node {
        let child = self.child(id);
        let value = child.as_ref().and_then(|child| child.eval(child.template.root.at(&["Outputs", output, "Value"])?));
        let expression = format!("{}.Outputs.{output}", self.id(id));
        if let Some(child) = child.filter(|_| value.is_none()) {
            let message = format!("the template {} has no output {output}", child.template.file.display());
            self.findings().report(Diagnostic::warning(message).at(mark.location()));
        }
        value.unwrap_or_else(|| self.stand_in(&expression, &format!("{id}-{output}"), mark))
    }

    /// Uses an override of the expression, else the given value, and notes it.
    pub(super) fn stand_in(&self, expression: &str, value: &str, mark: &Mark) -> Node {
        let value = self.around.overrides.get(expression).map_or(value, String::as_str);
        self.findings().stand_in(expression, value);
        Node::text(value, mark)
    }

    /// One property of a resource as text, resolved. A property that needs itself is reported and has no value.
    pub(super) fn property(&self, id: &str, name: &str) -> Option<String> {
        let resource = self.template.resource(id)?;
        let stated = resource.at(&["Properties", name]).cloned();
        let kind = self.type_of(id)?.strip_prefix("AWS::Serverless::").unwrap_or_default();
        let raw = stated.or_else(|| self.template.root.at(&["Globals", kind, name]).cloned())?;
        let key = (id.to_owned(), name.to_owned());
        if !self.pending.borrow_mut().insert(key.clone()) {
            let message = format!("the {name} of {id} depends on itself");
            let path = format!("Resources.{id}.Properties.{name}");
            self.findings().report(Diagnostic::error(message).at(raw.mark.location()).path(path));
            return None;
        }
        let value = self.eval(&raw);
        self.pending.borrow_mut().remove(&key);
        value?.scalar().map(|text| text.to_string())
    }
}

/// The id of an API's root resource.
#[must_use]
pub fn root_resource(api: &str) -> String {
    format!("{api}-root")
}
