//! Documents made to break a parser: each is refused or resolved, none panics or hangs.

use std::path::Path;

use samd::project::environment::Overrides;
use samd::template::{Severity, Template};

use super::resolve_text;

fn refusal(text: &str) -> String {
    let errors = Template::parse(Path::new("/project/template.yaml"), text).unwrap_err();
    assert_eq!(errors[0].severity, Severity::Error);
    errors[0].to_string()
}

fn findings(text: &str) -> Vec<String> {
    resolve_text(text).1.iter().map(ToString::to_string).collect()
}

#[test]
fn billion_laughs_are_refused_by_a_named_limit() {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", below.trim_end_matches(", ")));
    }
    assert!(refusal(&text).contains("aliases stand for more than"), "{}", refusal(&text));
}

#[test]
fn deep_nesting_is_refused_by_a_named_limit() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let text = format!("Resources: {}{}", open.repeat(5_000), close.repeat(5_000));
        let refusal = refusal(&text);
        assert!(refusal.contains("nest deeper than") || refusal.contains("YAML"), "{refusal}");
    }
    let block: String = (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert!(refusal(&block).contains("nest deeper than"));
}

/// What is found in a template whose includes are these files.
fn including(text: &str, files: &[(&str, &str)]) -> Vec<String> {
    let read = |path: &Path| {
        let found = files.iter().find(|(name, _)| path.ends_with(name));
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
    };
    let template = Template::parse(Path::new("/project/template.yaml"), text).unwrap();
    let (_, diagnostics) = samd::project::resolve(template, super::surroundings(&read), &Overrides::default());
    diagnostics.iter().map(ToString::to_string).collect()
}

fn include(file: &str) -> String {
    format!("{{'Fn::Transform': {{Name: AWS::Include, Parameters: {{Location: {file}}}}}}}")
}

#[test]
fn files_that_include_themselves_are_named_and_end() {
    let api =
        |body: &str| format!("Resources: {{A: {{Type: AWS::ApiGateway::RestApi, Properties: {{Body: {body}}}}}}}\n");
    let (one, other) = (format!("{{paths: {}}}", include("b")), format!("{{info: {}}}", include("a")));
    let found = including(&api(&include("a")), &[("a", &one), ("b", &other)]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("included files form a cycle: /project/a → /project/b → /project/a"), "{found:?}");
    let section = format!("Resources: {}\n", include("a"));
    let found = including(&section, &[("a", &include("a"))]);
    assert!(found.iter().any(|found| found.contains("/project/a → /project/a")), "{found:?}");
    let top = "Transform: {Name: AWS::Include, Parameters: {Location: a}}\nResources: {Q: {Type: AWS::SQS::Queue}}\n";
    let found = including(top, &[("a", &include("a"))]);
    assert!(found.iter().any(|found| found.contains("/project/a → /project/a")), "{found:?}");
}

#[test]
fn includes_that_fit_nowhere_are_told_and_those_that_only_a_deployment_knows_are_no_mistake() {
    let said = |section: &str, message: &str| {
        let found = including(&format!("Resources: {section}\n"), &[("list", "[a]")]);
        assert!(found.iter().any(|found| found.contains(message)), "{section}\n{found:?}");
    };
    said(&include("list"), ":1:30: error: a mapping is wanted here, and the included file is a list");
    said("{'Fn::Transform': text}", "error: Fn::Transform takes the Name of a macro and its Parameters");
    said("{'Fn::Transform': {Name: AWS::Include}}", "error: AWS::Include names the Location of a file");
    said(&include("gone"), "error: the included file /project/gone cannot be read");
    said(&include("!ImportValue place"), "warning: place is not a local file, so it is not included");
    let api = |body: &str| format!("{{A: {{Type: AWS::ApiGatewayV2::Api, Properties: {{Body: {body}}}}}}}");
    said(&api("[1]"), "error: Resources.A.Properties.Body: Body is an OpenAPI document, and here it is a list");
    said(&api("'x: ['"), "Body is an OpenAPI document, and here it is text of neither JSON nor YAML");
}

#[test]
fn files_that_include_more_and_more_are_refused_by_a_named_limit() {
    let names: Vec<String> = (0..20).map(|number| format!("f{number}")).collect();
    let twice = |name: &str| format!("{{a: {0}, b: {0}}}", include(name));
    let texts: Vec<String> = names.iter().skip(1).map(|name| twice(name)).chain(["{}".to_owned()]).collect();
    let files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    let text =
        format!("Resources: {{A: {{Type: AWS::ApiGateway::RestApi, Properties: {{Body: {}}}}}}}\n", include("f0"));
    let found = including(&text, &files);
    assert!(found.iter().any(|found| found.contains("more than 100 files are included at one place")), "{found:?}");
}

#[test]
fn text_that_is_no_template_is_told_with_its_place() {
    assert!(refusal("").contains("the file is empty"));
    assert!(refusal("just text").contains("this is text"));
    assert!(refusal("Foo: 1").contains("has none"));
    assert!(refusal("Resources: [1]").contains("/project/template.yaml:1:12: error: Resources:"));
    assert!(refusal("Resources: {}\n---\nResources: {}").contains(":2:1: error: a second YAML document"));
    assert!(refusal("Resources:\n  A: [1, 2\n").contains("this is not valid YAML"));
    assert!(refusal("{\"Resources\": {\"A\": }").contains("this is not valid JSON"));
    assert!(refusal("a: *b").contains("this is not valid YAML"));
    assert!(refusal("a: &a [*a]").contains("alias"));
    assert!(refusal("? [a, b]\n: 1").contains("a key must be text"));
}

#[test]
fn json_is_read_with_all_of_its_escapes() {
    let text = "{\n\t\"Resources\": {\n\t\t\"F\": {\"Type\": \"AWS::Lambda::Function\", \"Properties\": {\n\t\t\t\
                \"Handler\": \"a.b\", \"Runtime\": \"python3.12\", \"Environment\": {\"Variables\": {\n\t\t\t\t\
                \"XX\": \"\\ud83d\\ude00 a\\/b \\u00e9\\n\\t\", \"LONG\": 1e3}}}}\n\t}\n}\n";
    let (project, diagnostics) = resolve_text(text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let variables = &project.functions.values().next().unwrap().environment.0;
    assert_eq!(variables["XX"], "\u{1f600} a/b \u{e9}\n\t");
}

#[test]
fn a_condition_that_depends_on_itself_is_named() {
    let text = "
Conditions:
  A: !Not [!Condition B]
  B: !And [!Condition A, !Equals [1, 1]]
Resources:
  F: {Type: AWS::Serverless::Function, Condition: A, Properties: {Handler: a.b, Runtime: python3.12}}
";
    let all = findings(text);
    assert!(all.iter().any(|finding| finding.contains("the condition A depends on itself")), "{all:?}");
}

#[test]
fn names_that_depend_on_each_other_are_named_and_end() {
    let text = "
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {Handler: a.b, Runtime: python3.12, FunctionName: !Sub '${G}-x'}
  G:
    Type: AWS::Serverless::Function
    Properties: {Handler: a.b, Runtime: python3.12, FunctionName: !Sub '${F}-y'}
";
    let all = findings(text);
    assert!(all.iter().any(|finding| finding.contains("depends on itself")), "{all:?}");
}

#[test]
fn values_of_the_wrong_kind_are_told_and_the_rest_is_served() {
    let text = "
Globals: [1]
Parameters: text
Conditions: 3
Mappings: []
Resources:
  A: 7
  B: {Type: 9, Properties: []}
  C: {Type: AWS::Serverless::Function, Properties: text}
  D:
    Type: AWS::Serverless::Function
    Properties:
      Handler: [a]
      Runtime: {x: y}
      Timeout: soon
      MemorySize: 99999999
      Environment: [1]
      Layers: {a: b}
      Events: {E: 5, F: {Type: Api, Properties: [1]}, G: {Type: Api, Properties: {Path: [], Method: {}}}}
  E: {Type: AWS::Serverless::Api, Properties: {StageName: [x], DefinitionBody: [1], Auth: 3, Cors: [1]}}
  F: {Type: AWS::ApiGateway::Method, Properties: {RestApiId: [1]}}
  G: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.12}}
";
    let (project, diagnostics) = resolve_text(text);
    assert!(project.functions.contains_key(&samd::project::FunctionId("G".to_owned())));
    assert!(diagnostics.iter().all(|diagnostic| diagnostic.location.is_some()));
    let all = diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(all.contains("Resources.D.Properties.Timeout: Timeout is a whole number, and here it is text"), "{all}");
    assert!(all.contains("MemorySize is 99999999; it lies between 128 and 10240"), "{all}");
}

#[test]
fn functions_called_wrongly_are_told_and_end() {
    let calls = [
        "!If [a]",
        "!If a",
        "!Sub []",
        "!Sub [a, b, c]",
        "!Sub {a: b}",
        "!Join a",
        "!Join [a]",
        "!Select [9, [a]]",
        "!Select [x, [a]]",
        "!Split [x]",
        "!FindInMap [a, b]",
        "!FindInMap [a, b, c]",
        "!Cidr [x, y, z]",
        "!Ref []",
        "!GetAtt x",
        "!GetAtt [x]",
        "!Length x",
        "!Foo x",
        "!Equals [a]",
        "!Not []",
        "!And a",
        "!ImportValue [x]",
        "!Base64 [x]",
        "!GetAZs [x]",
        "!ToJsonString {a: !Ref AWS::NoValue}",
        "!Transform {Name: Other}",
        "!Transform {Name: AWS::Include, Parameters: {Location: nowhere.yaml}}",
        "!Sub '${'",
        "!Sub '${}'",
        "!Cidr ['10.0.0.0/8', 999, 40]",
        "!Select [-1, [a]]",
        "!Condition missing",
        "!GetAtt [F, [x]]",
    ];
    for call in calls {
        let text = format!(
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: a.b\n      \
             Runtime: python3.12\n      Environment: {{Variables: {{X: {call}}}}}\n"
        );
        let (project, _) = resolve_text(&text);
        assert_eq!(project.functions.len(), 1, "{call}");
    }
}

/// Templates with pieces cut out, doubled and swapped: a small fuzzer that runs with every test.
#[test]
fn mangled_templates_neither_panic_nor_hang() {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/template");
    let cases = std::fs::read_dir(folder).unwrap().map(|case| case.unwrap().path().join("template.yaml"));
    let texts: Vec<String> = cases.filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    assert!(texts.len() > 5);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..400 {
        let text = mangled(&texts[round % texts.len()], &mut state);
        if let Ok(template) = Template::parse(Path::new("/project/template.yaml"), &text) {
            drop(samd::project::resolve(template, super::surroundings(&nothing), &Overrides::default()));
        }
    }
}

fn nothing(_: &Path) -> std::io::Result<String> {
    Err(std::io::Error::from(std::io::ErrorKind::NotFound))
}

/// The next number of a fixed sequence: the same mangling in every run.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 33).unwrap()
}

fn mangled(text: &str, state: &mut u64) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=next(state) % 4 {
        let (at, other) = (next(state) % lines.len(), next(state) % lines.len());
        match next(state) % 6 {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[other].clone()),
            2 => lines.swap(at, other),
            3 => lines[at] = lines[at].replacen(": ", ": !Ref ", 1),
            4 => lines[at] = lines[at].trim_start().to_owned(),
            _ => {
                let cut = next(state) % (lines[at].chars().count() + 1);
                lines[at] = lines[at].chars().take(cut).collect();
            }
        }
        if lines.is_empty() {
            break;
        }
    }
    lines.join("\n")
}
