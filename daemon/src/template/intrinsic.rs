//! The intrinsic functions: which there are and what each returns.
//!
//! Where in a tree they are called is found in `evaluate`. Names get their values in [`super::reference`]; whether a
//! branch of `Fn::If` is taken is decided in [`super::condition`]. What cannot be evaluated is reported once and leaves
//! the best value there is, so that one mistake does not hide the rest of a template.

use std::sync::Arc;

use base64::Engine;

use super::json::to_json;
use super::node::{Key, Map, Mark, Node, Value};
use super::{Diagnostic, Scope};

/// Most parts that `Fn::Cidr` makes.
const MOST_BLOCKS: u32 = 256;

impl Scope<'_> {
    pub(super) fn call(&self, name: &str, argument: &Node, mark: &Mark) -> Option<Node> {
        match name {
            "Ref" => self.call_ref(argument),
            "Fn::If" => self.call_if(argument),
            "Fn::GetAtt" => Some(self.call_get_att(argument)),
            "Fn::Sub" => Some(self.call_sub(argument)),
            "Fn::Join" => Some(self.call_join(argument)),
            "Fn::Select" => self.call_select(argument),
            "Fn::Split" => Some(self.call_split(argument)),
            "Fn::FindInMap" => self.call_find_in_map(argument),
            "Fn::Base64" => self.eval(argument).map(|value| base64(&value)),
            "Fn::Cidr" => Some(self.call_cidr(argument)),
            "Fn::GetAZs" => Some(self.call_zones(argument)),
            "Fn::ImportValue" => Some(self.call_import(argument)),
            "Fn::GetStackOutput" => Some(self.call_stack_output(argument)),
            "Fn::Length" => {
                self.needs_extensions(name, mark);
                Some(self.call_length(argument))
            }
            "Fn::ToJsonString" => {
                self.needs_extensions(name, mark);
                let json = self.eval(argument).map(|value| to_json(&value).to_string()).unwrap_or_default();
                Some(Node::text(&json, mark))
            }
            "Fn::Transform" => self.transform(argument),
            "Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals" | "Condition" => {
                Some(self.call_condition(name, argument, mark))
            }
            _ => {
                let unknown = Diagnostic::error(format!("{name} is not a function that CloudFormation has here"));
                self.findings().report(unknown.at(mark.location()));
                self.eval(argument)
            }
        }
    }

    pub(super) fn mistake(&self, mark: &Mark, message: impl Into<String>) {
        self.findings().report(Diagnostic::error(message).at(mark.location()));
    }

    fn call_ref(&self, argument: &Node) -> Option<Node> {
        let Some(name) = self.called(argument) else {
            self.mistake(&argument.mark, "Ref takes the name of a parameter or a resource");
            return Some(argument.clone());
        };
        if name.as_ref() == "AWS::NoValue" { None } else { Some(self.reference(&name, &argument.mark)) }
    }

    /// The name that a function is called with; `AWS::LanguageExtensions` lets another function make it.
    fn called(&self, name: &Node) -> Option<Arc<str>> {
        let is_made = is_intrinsic(name) && self.template.has_language_extensions();
        let made = if is_made { self.eval(name) } else { None };
        made.as_ref().unwrap_or(name).as_str().map(Arc::from)
    }

    fn call_condition(&self, name: &str, argument: &Node, mark: &Mark) -> Node {
        let key = Key { text: Arc::from(name), mark: mark.clone() };
        let holds = self.holds(&Node::map(vec![(key, argument.clone())], mark));
        Node::new(Value::Bool(holds), mark)
    }

    fn call_if(&self, argument: &Node) -> Option<Node> {
        match argument.as_list() {
            Some([condition, yes, no]) if condition.as_str().is_some() => {
                let name = condition.as_str().unwrap_or_default();
                self.eval(if self.condition(name, &condition.mark) { yes } else { no })
            }
            Some([condition, yes, no]) => self.eval(if self.holds(condition) { yes } else { no }),
            _ => {
                self.mistake(&argument.mark, "Fn::If takes a condition, a value if it holds and a value if not");
                None
            }
        }
    }

    fn call_get_att(&self, argument: &Node) -> Node {
        let (resource, attribute) = match argument.as_list() {
            Some([resource, attribute]) => (self.called(resource), self.eval(attribute).and_then(|node| node.scalar())),
            Some([resource, rest @ ..]) => {
                let rest: Vec<Arc<str>> = rest.iter().filter_map(Node::scalar).collect();
                (self.called(resource), Some(Arc::from(rest.join("."))))
            }
            _ => match argument.as_str().and_then(|text| text.split_once('.')) {
                Some((resource, attribute)) => (Some(Arc::from(resource)), Some(Arc::from(attribute))),
                None => (None, None),
            },
        };
        let (Some(resource), Some(attribute)) = (resource, attribute) else {
            self.mistake(&argument.mark, "Fn::GetAtt takes a resource and an attribute, as in Function.Arn");
            return argument.clone();
        };
        self.attribute(&resource, &attribute, &argument.mark)
    }

    fn call_join(&self, argument: &Node) -> Node {
        let Some([delimiter, items]) = argument.as_list() else {
            self.mistake(&argument.mark, "Fn::Join takes a delimiter and a list");
            return Node::text("", &argument.mark);
        };
        let items = self.eval(items).map(|list| list.strings()).unwrap_or_default();
        Node::text(&items.join(delimiter.as_str().unwrap_or_default()), &argument.mark)
    }

    fn call_select(&self, argument: &Node) -> Option<Node> {
        let Some([index, items]) = argument.as_list() else {
            self.mistake(&argument.mark, "Fn::Select takes an index and a list");
            return None;
        };
        let index = self.eval(index).and_then(|node| node.as_i64()).and_then(|index| usize::try_from(index).ok());
        let values = self.eval(items)?;
        // A stand-in for a list is text: every item of it is that text.
        let Some(list) = values.as_list() else { return Some(values.clone()) };
        list.get(index?).cloned().or_else(|| self.item_too_far(index?, list, items))
    }

    /// A list that the template writes out is too short for good. One that a function gives may be so only here: a
    /// stand-in has one item where the deployed value has more.
    fn item_too_far(&self, index: usize, list: &[Node], items: &Node) -> Option<Node> {
        let message = format!("Fn::Select: the list has no item {index}");
        if items.as_list().is_some() {
            self.mistake(&items.mark, message);
            return None;
        }
        let last = list.last().cloned();
        if !matches!(list, [only] if self.findings().stands_in(only)) {
            let instead = last.as_ref().and_then(Node::scalar).map_or("nothing".to_owned(), |text| format!("{text:?}"));
            let warning = Diagnostic::warning(format!("{message}, so {instead} stands in for it"));
            self.findings().report(warning.at(items.mark.location()).help("give the value that AWS would have here"));
        }
        last
    }

    fn call_split(&self, argument: &Node) -> Node {
        let (delimiter, text) = match argument.as_list() {
            Some([delimiter, text]) => (delimiter.as_str(), self.eval(text).and_then(|node| node.scalar())),
            _ => (None, None),
        };
        let (Some(delimiter), Some(text)) = (delimiter.filter(|delimiter| !delimiter.is_empty()), text) else {
            self.mistake(&argument.mark, "Fn::Split takes a delimiter and a text");
            return Node::list(Vec::new(), &argument.mark);
        };
        Node::list(text.split(delimiter).map(|part| Node::text(part, &argument.mark)).collect(), &argument.mark)
    }

    fn call_find_in_map(&self, argument: &Node) -> Option<Node> {
        let parts = argument.as_list().unwrap_or_default();
        let nodes: Vec<Node> = parts.iter().take(3).filter_map(|part| self.eval(part)).collect();
        let keys: Vec<Arc<str>> = nodes.iter().filter_map(Node::scalar).collect();
        // A part that has no value here was told of, or only a deployment knows it.
        let is_left_open = parts.len() >= 3 && keys.len() == nodes.len();
        let default = parts.get(3).and_then(|options| options.get("DefaultValue"));
        if let Some(default) = default {
            self.needs_extensions("a DefaultValue of Fn::FindInMap", &default.mark);
        }
        let [map, top, second] = keys.as_slice() else {
            if !is_left_open {
                self.mistake(&argument.mark, "Fn::FindInMap takes a map, a top-level key and a second-level key");
            }
            return default.and_then(|default| self.eval(default));
        };
        let found = self.template.root.at(&["Mappings", map, top, second]);
        if found.is_none() && default.is_none() {
            self.not_in_map(&nodes, &format!("Mappings has no {map}.{top}.{second}"), &argument.mark);
        }
        found.cloned().or_else(|| self.eval(default?))
    }

    /// A map that is there may lack the keys of this region or of these parameters and have those of a deployment.
    fn not_in_map(&self, keys: &[Node], message: &str, mark: &Mark) {
        let is_there = keys.first().and_then(Node::as_str).is_some_and(|map| self.section_has("Mappings", map));
        if !is_there || !keys.iter().any(|key| self.findings().stands_in(key)) {
            let region = keys.iter().any(|key| key.as_str() == Some(self.around.region.as_str()));
            let help = if region { "--region chooses another region" } else { "give the parameters other values" };
            let warning = Diagnostic::warning(format!("{message}, so there is no value here"));
            self.findings().report(warning.at(mark.location()).help(help));
        }
    }

    fn section_has(&self, section: &str, name: &str) -> bool {
        self.template.root.at(&[section, name]).is_some()
    }

    fn call_length(&self, argument: &Node) -> Node {
        let list = self.eval(argument);
        let length = list.as_ref().and_then(|list| list.as_list().map(<[Node]>::len));
        if list.is_some() && length.is_none() {
            self.mistake(&argument.mark, "Fn::Length takes a list");
        }
        Node::new(Value::Number(Arc::from(length.unwrap_or_default().to_string())), &argument.mark)
    }

    fn call_zones(&self, argument: &Node) -> Node {
        let region = self.eval(argument).and_then(|node| node.scalar()).filter(|region| !region.is_empty());
        let region = region.as_deref().unwrap_or(&self.around.region).to_owned();
        let zones = ["a", "b", "c"].iter().map(|zone| Node::text(&format!("{region}{zone}"), &argument.mark));
        Node::list(zones.collect(), &argument.mark)
    }

    fn call_import(&self, argument: &Node) -> Node {
        let name = self.eval(argument).and_then(|node| node.scalar()).unwrap_or_else(|| Arc::from("import"));
        self.stand_in(&format!("ImportValue({name})"), &name, &argument.mark)
    }

    /// The output of a stack that only AWS knows, in this account and region or in others.
    fn call_stack_output(&self, argument: &Node) -> Node {
        let text = |name: &str| argument.get(name).and_then(|node| self.eval(node)).and_then(|node| node.scalar());
        let (Some(stack), Some(output)) = (text("StackName"), text("OutputName")) else {
            self.mistake(&argument.mark, "Fn::GetStackOutput takes a StackName and an OutputName");
            return Node::text("", &argument.mark);
        };
        self.stand_in(&format!("GetStackOutput({stack}.{output})"), &format!("{stack}-{output}"), &argument.mark)
    }

    fn call_cidr(&self, argument: &Node) -> Node {
        let parts: Vec<Node> =
            argument.as_list().unwrap_or_default().iter().filter_map(|part| self.eval(part)).collect();
        let block = parts.first().and_then(Node::as_str);
        let count = parts.get(1).and_then(Node::as_i64).and_then(|count| u32::try_from(count).ok());
        let bits = parts.get(2).and_then(Node::as_i64).unwrap_or(8);
        let blocks = block.zip(count).and_then(|(block, count)| cidr(block, count, u32::try_from(bits).ok()?));
        // Of a block that only a deployment knows, each part is that block.
        let of_deployment = parts.first().filter(|block| self.findings().stands_in(block)).and_then(Node::as_str);
        let stand_ins = || Some(vec![of_deployment?.to_owned(); usize::try_from(count?.min(MOST_BLOCKS)).ok()?]);
        let blocks = blocks.or_else(stand_ins);
        if blocks.is_none() {
            self.mistake(&argument.mark, "Fn::Cidr takes an IPv4 block, a count and the host bits of each part");
        }
        let blocks = blocks.unwrap_or_default();
        Node::list(blocks.iter().map(|block| Node::text(block, &argument.mark)).collect(), &argument.mark)
    }

    /// `{{resolve:ssm:…}}` in a text: the override when there is one, else the text as it stands.
    pub(super) fn dynamic_reference(&self, text: &str, node: &Node) -> Node {
        let value = self.around.overrides.get(text).map_or(text, String::as_str);
        self.stand_in(text, value, &node.mark)
    }
}

/// The function that a mapping is a call of.
pub(super) fn function(map: &Map) -> Option<(&str, &Node)> {
    let (key, argument) = map.iter().next().filter(|_| map.len() == 1)?;
    let name = key.text.as_ref();
    let is_condition = name == "Condition" && argument.as_str().is_some();
    let is_call = name == "Ref" || (name.starts_with("Fn::") && !name.starts_with("Fn::ForEach::"));
    // `{Condition: {StringEquals: …}}` is part of an IAM policy and no call.
    (is_call || is_condition).then_some((name, argument))
}

/// Whether a node is a call of an intrinsic function.
#[must_use]
pub fn is_intrinsic(node: &Node) -> bool {
    node.as_map().is_some_and(|map| function(map).is_some())
}

fn base64(value: &Node) -> Node {
    let text = value.scalar().unwrap_or_default();
    Node::text(&base64::engine::general_purpose::STANDARD.encode(text.as_bytes()), &value.mark)
}

/// The first `count` parts, each with `bits` host bits, of an IPv4 block.
fn cidr(block: &str, count: u32, bits: u32) -> Option<Vec<String>> {
    let (address, _) = block.split_once('/')?;
    let octets: Vec<u8> = address.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    let start = u32::from_be_bytes(octets.try_into().ok()?);
    if bits > 31 || count > MOST_BLOCKS {
        return None;
    }
    let part = |index: u32| {
        let [a, b, c, d] = start.wrapping_add(index.wrapping_shl(bits)).to_be_bytes();
        format!("{a}.{b}.{c}.{d}/{}", 32 - bits)
    };
    Some((0..count).map(part).collect())
}
