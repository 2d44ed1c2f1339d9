//! Sample events of AWS's services, from data: a file for each service in `events/`.
//!
//! A file holds events by name: what each is about, its options with their defaults, and the event itself, in which
//! `{{option}}` stands for an option's value. An option may say how its value is encoded (`base64`, `url`), or that it
//! stands for a JSON value instead of a text (`"as": "object"`); `{{option|md5}}` is a value's checksum.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::exit::Failure;

/// What stays as it is in a `url` encoding, beside letters and digits.
const URL: AsciiSet = NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~').remove(b'/');

/// Names a service's file once.
macro_rules! services {
    ($($name:literal),* $(,)?) => {
        /// The services and their files.
        const SERVICES: &[(&str, &str)] = &[$(($name, include_str!(concat!("events/", $name, ".json")))),*];
    };
}

services!(
    "alb",
    "alexa-skills-kit",
    "alexa-smart-home",
    "apigateway",
    "appsync",
    "batch",
    "cloudformation",
    "cloudfront",
    "cloudwatch",
    "codecommit",
    "codepipeline",
    "cognito",
    "config",
    "connect",
    "dynamodb",
    "kinesis",
    "lex",
    "lex-v2",
    "rekognition",
    "s3",
    "sagemaker",
    "ses",
    "sns",
    "sqs",
    "stepfunctions",
    "workmail",
);

/// A service with its events.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) events: Vec<Event>,
}

/// An event.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) name: String,
    /// Whose event it is, a few words.
    pub(super) about: String,
    pub(super) options: Vec<EventOption>,
    template: Value,
}

/// An option of an event.
#[derive(Debug, Deserialize)]
pub(super) struct EventOption {
    /// Its name behind the dashes.
    #[serde(skip)]
    pub(super) name: String,
    pub(super) default: String,
    #[serde(default)]
    encoding: Encoding,
    /// How the value stands in the event.
    #[serde(default, rename = "as")]
    form: Form,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Plain,
    Base64,
    Url,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Text,
    Object,
}

#[derive(Deserialize)]
struct Described {
    about: String,
    options: Map<String, Value>,
    event: Value,
}

/// All services by name.
pub(super) fn all() -> Result<Vec<Service>, Failure> {
    SERVICES.iter().map(|(name, text)| service(name, text)).collect()
}

fn service(name: &str, text: &str) -> Result<Service, Failure> {
    let broken = |error: serde_json::Error| Failure::Usage(format!("the sample events of {name} are broken: {error}"));
    let described: Map<String, Value> = serde_json::from_str(text).map_err(broken)?;
    let events = described.into_iter().map(|(name, value)| event(name, value));
    Ok(Service { name: name.to_owned(), events: events.collect::<Result<_, _>>().map_err(broken)? })
}

fn event(name: String, value: Value) -> serde_json::Result<Event> {
    let Described { about, options, event } = serde_json::from_value(value)?;
    let options = options.into_iter().map(|(name, value)| {
        let option: EventOption = serde_json::from_value(value)?;
        Ok(EventOption { name, ..option })
    });
    Ok(Event { name, about, options: options.collect::<serde_json::Result<_>>()?, template: event })
}

impl Event {
    /// The event as JSON, with the values that `given` has for options, else their defaults.
    ///
    /// A value that holds JSON escapes already (`\"`, `\n`) is taken as it is, as the SAM CLI takes all values; one that
    /// would break the event is escaped.
    pub(super) fn generate(&self, given: impl Fn(&str) -> Option<String>) -> Result<String, Failure> {
        let values: Vec<(&EventOption, String)> =
            self.options.iter().map(|option| (option, option.value(given(&option.name)))).collect();
        let template = self.template.to_string();
        let as_it_is: Result<Value, _> = serde_json::from_str(&filled(&template, &values, str::to_owned));
        let event = as_it_is.or_else(|_| serde_json::from_str(&filled(&template, &values, escaped)));
        let mut event = event.map_err(|error| Failure::Usage(format!("no event can be made of this: {error}")))?;
        for (option, value) in values.iter().filter(|(option, _)| option.form == Form::Object) {
            replace(&mut event, &option.placeholder(), value);
        }
        let text = serde_json::to_string_pretty(&event);
        text.map(|text| ascii(&text)).map_err(|error| Failure::Usage(error.to_string()))
    }
}

impl EventOption {
    fn value(&self, given: Option<String>) -> String {
        given.unwrap_or_else(|| self.default.clone())
    }

    fn placeholder(&self) -> String {
        format!("{{{{{}}}}}", self.name)
    }

    fn encoded(&self, value: &str) -> String {
        match self.encoding {
            Encoding::Plain => value.to_owned(),
            Encoding::Base64 => STANDARD.encode(value),
            Encoding::Url => utf8_percent_encode(value, &URL).to_string(),
        }
    }
}

/// The template with the values of text options in their places.
fn filled(template: &str, values: &[(&EventOption, String)], spell: impl Fn(&str) -> String) -> String {
    values.iter().filter(|(option, _)| option.form == Form::Text).fold(template.to_owned(), |text, (option, value)| {
        let checksum = format!("{{{{{}|md5}}}}", option.name);
        text.replace(&checksum, &md5(value)).replace(&option.placeholder(), &spell(&option.encoded(value)))
    })
}

/// A text as it stands between quotes in JSON.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn md5(value: &str) -> String {
    Md5::digest(value).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts a JSON value where its placeholder stands; one that is no JSON stays a text.
fn replace(event: &mut Value, placeholder: &str, value: &str) {
    match event {
        Value::String(text) if text == placeholder => {
            *event = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, placeholder, value)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, placeholder, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// JSON in ASCII alone: a terminal or a shell of any locale passes it on unharmed.
fn ascii(json: &str) -> String {
    let escaped = |letter: char| match letter.is_ascii() {
        true => letter.to_string(),
        false => letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    json.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(service: &str, name: &str) -> Event {
        let services = all().unwrap();
        let service = services.into_iter().find(|one| one.name == service).unwrap();
        service.events.into_iter().find(|one| one.name == name).unwrap()
    }

    fn generated(service: &str, name: &str, given: &[(&str, &str)]) -> Value {
        let value = |option: &str| given.iter().find(|(name, _)| *name == option).map(|(_, value)| (*value).to_owned());
        serde_json::from_str(&event(service, name).generate(value).unwrap()).unwrap()
    }

    #[test]
    fn there_are_68_events_of_26_services_and_no_placeholder_is_left_in_any() {
        let services = all().unwrap();
        assert_eq!((services.len(), services.iter().map(|service| service.events.len()).sum::<usize>()), (26, 68));
        for event in services.iter().flat_map(|service| &service.events) {
            let text = event.generate(|_| None).unwrap();
            assert!(!text.contains("{{"), "{}: {text}", event.name);
            let unused = event.options.iter().find(|option| {
                let template = event.template.to_string();
                !template.contains(&option.placeholder()) && !template.contains(&format!("{{{{{}|", option.name))
            });
            assert!(unused.is_none() || is_unused_there(&event.name), "{}: {unused:?}", event.name);
        }
    }

    /// Options that the SAM CLI takes and does not use.
    fn is_unused_there(event: &str) -> bool {
        ["aws-proxy", "http-api-proxy", "request"].contains(&event)
    }

    #[test]
    fn values_are_encoded_as_their_options_say() {
        let put = generated("s3", "put", &[("bucket", "photos"), ("key", "a b/ä+.jpg")]);
        let object = &put["Records"][0]["s3"];
        assert_eq!(
            (object["bucket"]["name"].as_str(), object["object"]["key"].as_str()),
            (Some("photos"), Some("a%20b/%C3%A4%2B.jpg"))
        );
        let kinesis = generated("kinesis", "get-records", &[("data", "hi")]);
        assert_eq!(kinesis["Records"][0]["kinesis"]["data"], "aGk=");
        let sqs = generated("sqs", "receive-message", &[("body", "hello")]);
        assert_eq!(sqs["Records"][0]["md5OfBody"], "5d41402abc4b2a76b9719d911017c592");
    }

    #[test]
    fn a_value_with_quotes_does_not_break_the_event_and_escapes_are_taken_as_they_are() {
        let body = |given| generated("sqs", "receive-message", &[("body", given)])["Records"][0]["body"].clone();
        assert_eq!(body(r#"{"a": 1}"#), r#"{"a": 1}"#);
        assert_eq!(body(r#"{\"a\": 1}"#), r#"{"a": 1}"#);
        assert_eq!(body("two\nlines"), "two\nlines");
    }

    #[test]
    fn a_query_is_an_object_where_it_is_json() {
        let query = |given| {
            generated("apigateway", "aws-proxy", &[("querystringparameters", given)])["queryStringParameters"].clone()
        };
        assert_eq!(query(r#"{"page": "2"}"#), serde_json::json!({ "page": "2" }));
        assert_eq!(query("nothing"), "nothing");
    }

    #[test]
    fn letters_beyond_ascii_are_escaped() {
        assert_eq!(ascii("\"ä😀\""), "\"\\u00e4\\ud83d\\ude00\"");
    }
}
