//! MOCK integrations (D5): the gateway answers by itself, as SAM's `Cors` has it do for preflights.
//!
//! Only static templates are run; what needs VTL is answered 501 with the reason. `rendered` is the place where an
//! engine for it fits in.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use regex::Regex;

use super::body::media_type;
use super::gateway_response::{self, ResponseType, header_value};
use super::variables::Variables;
use super::{Exchange, Reply, lenient_json, reply};
use crate::project::api::{Mock, MockResponse};

/// The reply of a MOCK integration.
#[must_use]
pub fn reply(exchange: &Exchange, mock: &Mock) -> Reply {
    answered(exchange, mock).unwrap_or_else(|refusal| match refusal {
        Unanswered::Gateway(kind) => gateway_response::reply(exchange, kind),
        Unanswered::Unsupported(reason) => reply::unsupported(exchange, &reason),
    })
}

/// Whether one of its templates is written in VTL, so that a request that meets it is answered 501.
#[must_use]
pub fn needs_velocity(mock: &Mock) -> bool {
    let responses = mock.responses.values().flat_map(|response| response.templates.values());
    mock.request_templates.values().chain(responses).any(|template| is_velocity(template))
}

enum Unanswered {
    Gateway(ResponseType),
    Unsupported(String),
}

fn answered(exchange: &Exchange, mock: &Mock) -> Result<Reply, Unanswered> {
    let request = request_text(exchange, mock)?;
    let status = lenient_json::status_code(&request).ok_or(Unanswered::Gateway(ResponseType::ApiConfigurationError))?;
    let response = selected(mock, status).ok_or(Unanswered::Gateway(ResponseType::ApiConfigurationError))?;
    let accept = exchange.request.header("accept").unwrap_or_default();
    let template = response_template(&response.templates, media_type(accept.split(',').next().unwrap_or_default()));
    let (content_type, body) = match template {
        Some((content_type, template)) => (content_type.as_str(), rendered(template)?.into_owned()),
        None => ("application/json", String::new()),
    };
    let mut headers = response_headers(exchange, response);
    reply::headers::or_default(&mut headers, "Content-Type", content_type);
    // A mock has no trace id (D5.4).
    headers.extend(reply::ids(exchange));
    Ok(Reply { status: response.status, headers, body: Bytes::from(body) })
}

/// The request template's text, or the body itself where the passthrough behaviour lets it through.
fn request_text<'a>(exchange: &'a Exchange, mock: &'a Mock) -> Result<Cow<'a, str>, Unanswered> {
    let templates = &mock.request_templates;
    let content_type = media_type(exchange.request.header("content-type").unwrap_or("application/json"));
    if let Some(template) = templates.get(content_type).or_else(|| templates.get("$default")) {
        return rendered(template);
    }
    match mock.passthrough_behavior.as_deref() {
        Some("NEVER") => Err(Unanswered::Gateway(ResponseType::UnsupportedMediaType)),
        Some("WHEN_NO_TEMPLATES") if !templates.is_empty() => {
            Err(Unanswered::Gateway(ResponseType::UnsupportedMediaType))
        }
        _ => Ok(String::from_utf8_lossy(&exchange.request.body)),
    }
}

/// The response whose pattern matches the status as a whole (D3.1, D3.2), else the default one (D3.3).
fn selected(mock: &Mock, status: u16) -> Option<&MockResponse> {
    let status = status.to_string();
    let patterned = mock.responses.iter().filter(|(pattern, _)| !is_default(pattern));
    let mut matching = patterned.filter(|(pattern, _)| matches_whole(pattern, &status));
    let default = || mock.responses.iter().find(|(pattern, _)| is_default(pattern));
    matching.next().or_else(default).map(|(_, response)| response)
}

fn is_default(pattern: &str) -> bool {
    pattern.is_empty() || pattern == "default"
}

/// Whether a pattern matches a whole text, as Java's `matches` does. One that does not compile matches nothing.
pub(crate) fn matches_whole(pattern: &str, text: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| regex.is_match(text))
}

fn response_template<'a>(templates: &'a BTreeMap<String, String>, accepted: &str) -> Option<(&'a String, &'a String)> {
    let exact = templates.get_key_value(accepted);
    exact.or_else(|| templates.get_key_value("application/json")).or_else(|| templates.iter().next())
}

/// A template's output. Static text is its own, with the signs in it that Velocity leaves alone.
fn rendered(template: &str) -> Result<Cow<'_, str>, Unanswered> {
    if !is_velocity(template) {
        return Ok(Cow::Borrowed(template));
    }
    Err(Unanswered::Unsupported(
        "This mapping template uses the Velocity Template Language, which samd does not run; static templates work"
            .to_owned(),
    ))
}

/// Whether Velocity would change the text: a reference such as `$x`, `${x}`, `$!x`, a directive, a comment.
fn is_velocity(template: &str) -> bool {
    template.match_indices(['$', '#']).any(|(at, sign)| {
        let behind = template.get(at + 1..).unwrap_or_default();
        if sign == "$" { begins_reference(behind) } else { begins_directive(behind) }
    })
}

fn begins_reference(behind: &str) -> bool {
    behind.starts_with(|next: char| next.is_ascii_alphabetic() || "_{!".contains(next))
}

/// A word behind `#` that is no directive is text, as in `#1` and `#fff`; a macro of the template's own takes a directive.
fn begins_directive(behind: &str) -> bool {
    const DIRECTIVES: [&str; 13] = [
        "break", "define", "else", "elseif", "end", "evaluate", "foreach", "if", "include", "macro", "parse", "set",
        "stop",
    ];
    let end = behind.find(|next: char| !(next.is_ascii_alphanumeric() || next == '_')).unwrap_or(behind.len());
    behind.starts_with(['#', '*', '{', '@']) || behind.starts_with("[[") || DIRECTIVES.contains(&&behind[..end])
}

fn response_headers(exchange: &Exchange, response: &MockResponse) -> Vec<(String, String)> {
    let variables = Variables { exchange, refusal: None };
    let header = |(name, expression): (&String, &String)| {
        let name = name.strip_prefix("method.response.header.")?;
        let value = header_value(&variables, expression)?;
        reply::is_header(name, &value).then(|| (name.to_owned(), value))
    };
    response.parameters.iter().filter_map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::is_velocity;

    #[test]
    fn a_sign_that_velocity_leaves_alone_is_text() {
        for text in ["{\"cost\":\"$5\",\"hash\":\"#1 tag\"}", "$", "#", "$ x", "#fff", "#ending", "#[1]", "$.a", "50$#"]
        {
            assert!(!is_velocity(text), "{text}");
        }
    }

    #[test]
    fn references_directives_and_comments_are_not() {
        let all = [
            "$x",
            "${x}",
            "$!x",
            "$$x",
            "#if(true)",
            "#{else}",
            "a#end",
            "## x",
            "#* x *#",
            "#[[x]]#",
            "#@x",
            "#set ($a=1)",
        ];
        for text in all {
            assert!(is_velocity(text), "{text}");
        }
    }
}
