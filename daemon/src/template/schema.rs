//! SAM's own resources and events against what AWS's translator knows of them: properties that they do not have, that
//! they lack, or whose values are not of their kind, each said at its place.
//!
//! What there is stands in `schema/sam.txt`, as data; what several properties say together is judged in `rules`.
//! Plain CloudFormation's resources are not looked at: the services themselves decide about them.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::LazyLock;

use super::hashed::HashedMap;
use super::intrinsic::is_intrinsic;
use super::node::{Key, Map, Mark, Node, Value};
use super::{Diagnostic, Findings, Template, globals, rules};

static SAM: LazyLock<BTreeMap<&str, Vec<Property>>> = LazyLock::new(|| read(include_str!("schema/sam.txt")));
/// The titles of events, by the kind of their owner and their own.
static EVENTS: LazyLock<HashedMap<(&str, &str), &str>> =
    LazyLock::new(|| SAM.keys().filter_map(|title| Some((title.split_once(" event ")?, *title))).collect());

/// How alike a misspelt name and a real one are at least, for the real one to be proposed.
const ALIKE: f64 = 0.85;
/// In the data: there may be other properties.
const OTHERS: &str = "...";

/// In the data: the mapping may be empty, as if it were not there.
const EMPTY: &str = "{}";
/// In the data, of entries: they may say nothing.
const NOTHING: &str = "null";

/// A property that a resource, an event or a mapping of theirs may have.
struct Property {
    name: &'static str,
    /// The kinds of values it takes; none means any.
    kinds: Vec<&'static str>,
    /// The kinds of a list's items; none means any.
    items: Vec<&'static str>,
    /// The words that it may be; none means any.
    words: Vec<&'static str>,
    is_required: bool,
    /// No function may stand for its value.
    is_literal: bool,
    /// None but a `Ref` of a parameter may.
    is_settled: bool,
}

/// A title at the margin, its properties indented below it.
fn read(text: &'static str) -> BTreeMap<&'static str, Vec<Property>> {
    let mut all = BTreeMap::new();
    let mut title = "";
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("  ") {
            None => title = line,
            Some(property) => all.entry(title).or_insert_with(Vec::new).extend(property_of(property)),
        }
    }
    all
}

fn property_of(line: &'static str) -> Option<Property> {
    let mut said = line.split(' ');
    let mut property = Property {
        name: said.next()?,
        kinds: vec![],
        items: vec![],
        words: vec![],
        is_required: false,
        is_literal: false,
        is_settled: false,
    };
    for word in said {
        match word {
            list if list.starts_with("list[") => {
                property.kinds.push("list");
                property.items.extend(list["list[".len()..].trim_end_matches(']').split(','));
            }
            "required" => property.is_required = true,
            "literal" => property.is_literal = true,
            "settled" => property.is_settled = true,
            "text" | "list" | "mapping" | "number" | "flag" => property.kinds.push(word),
            words => property.words.extend(words.split('|')),
        }
    }
    Some(property)
}

/// The path of a property, spelt only when something is wrong with it.
pub(super) struct Path<'p> {
    before: Option<&'p Path<'p>>,
    name: &'p str,
}

impl<'p> Path<'p> {
    /// The path of a section.
    pub(super) fn section(name: &'p str) -> Path<'p> {
        Path { before: None, name }
    }

    /// The path of what lies in this.
    pub(super) fn to(&'p self, name: &'p str) -> Path<'p> {
        Path { before: Some(self), name }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.before {
            Some(before) => write!(f, "{before}.{}", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// Where mistakes are reported; the same one at the same place once, however many resources a Globals section or a loop
/// puts it into.
pub(super) struct Report<'f> {
    findings: &'f Findings,
    template: &'f Template,
    said: RefCell<HashSet<(String, u32, u32)>>,
    /// Functions are answered before SAM reads the template, as `AWS::LanguageExtensions` does.
    pub(super) is_answered: bool,
}

impl Report<'_> {
    /// Reports an error at a place.
    pub(super) fn error(&self, message: impl Into<String>, mark: &Mark, path: &Path<'_>) {
        self.say(Diagnostic::error(message).at(mark.location()).path(path.to_string()), mark);
    }

    /// Reports an error that knows its place, which is the one of `mark`.
    pub(super) fn say(&self, error: Diagnostic, mark: &Mark) {
        if self.said.borrow_mut().insert((error.message.clone(), mark.line, mark.column)) {
            self.findings.report(error);
        }
    }
}

/// Reports what is wrong with the template's SAM resources, whatever their conditions say.
pub fn report(template: &Template, findings: &Findings) {
    let is_answered = template.has_language_extensions();
    let report = Report { findings, template, said: RefCell::default(), is_answered };
    for (id, resource) in template.section("Resources") {
        rules::of_connectors(template, id, resource, &report);
        if let Some(kind) = resource.get("Type").and_then(Node::as_str).filter(|kind| SAM.contains_key(kind)) {
            of_resource(template, id, kind, resource, &report);
        }
    }
    for (section, kind) in [("Api", "AWS::Serverless::Api"), ("HttpApi", "AWS::Serverless::HttpApi")] {
        of_implicit_api(template, section, kind, &report);
    }
    rules::of_routes(template, &report);
}

/// What Globals say is all that an implicit API has, where an event makes one.
fn of_implicit_api(template: &Template, section: &str, kind: &str, report: &Report<'_>) {
    let Some(stated) = template.root.at(&["Globals", section]).filter(|node| node.as_map().is_some()) else { return };
    if !template.section("Resources").any(|(_, resource)| makes_api(resource, section)) {
        return;
    }
    let globals = Path::section("Globals");
    let path = globals.to(section);
    let mark = &stated.mark;
    // SAM names its stage.
    let named = |name: &str, value: &str| (Key { text: name.into(), mark: mark.clone() }, Node::text(value, mark));
    let own = stated.as_map().into_iter().flat_map(Map::iter).map(|(key, value)| (key.clone(), value.clone()));
    let properties = Node::map(std::iter::once(named("StageName", "Prod")).chain(own).collect(), mark);
    Owner { title: kind, name: &kind, mark, path: &path }.check(&properties, report);
    let id = Key { text: format!("Serverless{section}").into(), mark: mark.clone() };
    rules::of_resource(template, (&id, kind), &properties, &path, report);
}

/// Whether an event of a resource is of this kind and names no API.
fn makes_api(resource: &Node, kind: &str) -> bool {
    let named = if kind == "Api" { "RestApiId" } else { "ApiId" };
    let events = resource.at(&["Properties", "Events"]).and_then(Node::as_map);
    events.into_iter().flat_map(Map::iter).any(|(_, event)| {
        event.get("Type").and_then(Node::as_str) == Some(kind) && event.at(&["Properties", named]).is_none()
    })
}

fn of_resource(template: &Template, id: &Key, kind: &str, resource: &Node, report: &Report<'_>) {
    let stated = resource.get("Properties").filter(|node| !node.is_null());
    if stated.is_some_and(|node| node.as_map().is_none()) {
        return; // said where properties are read
    }
    let resources = Path::section("Resources");
    let resource_path = resources.to(&id.text);
    let path = resource_path.to("Properties");
    if written_out(stated, &format_args!("the Properties of {}", id.text), &path, report) {
        return;
    }
    let properties = globals::merged(template, resource);
    Owner { title: kind, name: &kind, mark: &id.mark, path: &path }.check(&properties, report);
    rules::of_resource(template, (id, kind), &properties, &path, report);
    let events = path.to("Events");
    if let Some((function, _)) = properties
        .get("Events")
        .and_then(Node::as_map)
        .into_iter()
        .flat_map(Map::iter)
        .find(|(key, _)| is_unanswered(&key.text))
    {
        let message = format!("Events are written out: SAM resolves no {} there", function.text);
        if !report.is_answered {
            report.error(message, &function.mark, &events);
        }
    }
    for (name, event) in properties.get("Events").and_then(Node::as_map).into_iter().flat_map(Map::iter) {
        if !name.text.starts_with("Fn::") {
            of_event(template, kind, (name, event), &events.to(&name.text), report);
        }
    }
}

/// Says it where a function stands for all of the properties, which SAM reads before it is answered.
fn written_out(stated: Option<&Node>, what: &dyn fmt::Display, path: &Path<'_>, report: &Report<'_>) -> bool {
    let call = stated.filter(|node| is_intrinsic(node)).and_then(Node::as_map).and_then(|map| map.iter().next());
    let Some((function, _)) = call.filter(|(key, _)| is_unanswered(&key.text) && !report.is_answered) else {
        return false;
    };
    let message = format!("{what} are written out: SAM resolves no {} there", function.text);
    report.error(message, &function.mark, path);
    true
}

/// Whether a key is a function whose answer SAM does not see; includes and loops are answered before.
fn is_unanswered(key: &str) -> bool {
    key == "Ref" || (key.starts_with("Fn::") && key != "Fn::Transform" && !key.starts_with("Fn::ForEach"))
}

fn of_event(template: &Template, owner: &str, (name, event): (&Key, &Node), path: &Path<'_>, report: &Report<'_>) {
    let Some(kind) = event.get("Type").and_then(Node::as_str) else {
        return report.error(format!("the event {} has no Type", name.text), &name.mark, path);
    };
    let is_id = name.text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_id && !name.text.contains(['$', '&']) {
        let message = format!("the event {} has other characters than letters and digits in its name", name.text);
        report.error(message, &name.mark, path);
    }
    if let Some(title) = EVENTS.get(&(owner, kind)) {
        let path = path.to("Properties");
        if let Some(nothing) = event.as_map().and_then(|event| event.get("Properties")).filter(|node| node.is_null()) {
            let message = format!("the Properties of the event {} say nothing; leave them out", name.text);
            report.error(message, &nothing.mark, &path);
        }
        for named in ["RestApiId", "ApiId"] {
            let stated = event.at(&["Properties"]).and_then(Node::as_map).and_then(|properties| properties.get(named));
            if let Some(nothing) = stated.filter(|node| node.is_null()) {
                let message =
                    format!("{named} names an API, and here it says nothing; leave it out for the implicit one");
                report.error(message, &nothing.mark, &path.to(named));
            }
        }
        if kind == "HttpApi" {
            let settings =
                event.get("Properties").and_then(Node::as_map).and_then(|stated| stated.get("RouteSettings"));
            if let Some(nothing) = settings.filter(|node| node.is_null()) {
                report.error("RouteSettings say nothing; leave them out", &nothing.mark, &path.to("RouteSettings"));
            }
        }
        let stated = event.get("Properties").filter(|node| node.as_map().is_none());
        if let Some(stated) = stated {
            let message = format!(
                "the Properties of the event {} are a mapping, and here it is {}",
                name.text,
                stated.value.kind()
            );
            report.error(message, &stated.mark, &path);
        }
        if written_out(
            event.get("Properties"),
            &format_args!("the Properties of the event {}", name.text),
            &path,
            report,
        ) {
            return;
        }
        let empty = Node::map(Vec::new(), &name.mark);
        let properties = event.get("Properties").filter(|node| node.as_map().is_some()).unwrap_or(&empty);
        Owner { title, name: &format_args!("an event of type {kind}"), mark: &name.mark, path: &path }
            .check(properties, report);
        return rules::of_event(template, kind, properties, (&name.mark, &path), report);
    }
    let mark = event.get("Type").map_or(&name.mark, |node| &node.mark);
    let kinds = EVENTS.keys().filter(|(of, _)| *of == owner).map(|(_, kind)| *kind);
    let error = with_proposal(Diagnostic::error(format!("{owner} has no events of type {kind}")), kind, kinds);
    report.say(error.at(mark.location()).path(path.to("Type").to_string()), mark);
}

/// Reports what is wrong with the properties of a connector that a resource has as an attribute and is the source of.
pub(super) fn of_connector(properties: &Node, mark: &Mark, path: &Path<'_>, report: &Report<'_>) {
    Owner { title: "connector of a resource", name: &"a connector of a resource", mark, path }
        .check(properties, report);
}

/// What has properties: a resource, an event, or a mapping of theirs.
struct Owner<'o> {
    title: &'o str,
    name: &'o dyn fmt::Display,
    mark: &'o Mark,
    path: &'o Path<'o>,
}

impl Owner<'_> {
    fn check(&self, properties: &Node, report: &Report<'_>) {
        let Some(stated) = properties.as_map().filter(|_| is_told_of(self.title)) else { return };
        let known = SAM.get(self.title).map(Vec::as_slice).unwrap_or_default();
        let is_open = known.is_empty() || known.iter().any(|property| property.name == OTHERS);
        for (key, value) in stated.iter().filter(|(key, _)| !key.text.starts_with("Fn::")) {
            let path = self.path.to(&key.text);
            match known.iter().find(|property| property.name == &*key.text) {
                Some(property) => of_value(property, value, &path, report),
                None if is_open => {}
                None => report.say(self.unknown(key, known).path(path.to_string()), &key.mark),
            }
            self.nested(key, value, &path, report);
        }
        // What is included may have the rest.
        if stated.iter().any(|(key, _)| key.text.starts_with("Fn::")) {
            return;
        }
        if stated.is_empty() && known.iter().any(|property| property.name == EMPTY) {
            return;
        }
        let is_there = |name: &str| stated.get(name).is_some_and(|node| !node.is_null());
        for property in known.iter().filter(|property| property.is_required && !is_there(property.name)) {
            report.error(format!("{} needs {}", self.name, property.name), self.mark, &self.path.to(property.name));
        }
    }

    /// The properties of a property that is a mapping, and those of its entries.
    fn nested(&self, key: &Key, value: &Node, path: &Path<'_>, report: &Report<'_>) {
        let Some(map) = value.as_map().filter(|_| !is_intrinsic(value)) else { return };
        let title = format!("{}.{}", self.title, key.text);
        Owner { title: &title, name: &key.text, mark: &key.mark, path }.check(value, report);
        let title = format!("{title}.*");
        let Some(known) = SAM.get(title.as_str()) else { return };
        let may_be_nothing = known.iter().any(|property| property.name == NOTHING);
        let entries = map.iter().filter(|(name, _)| !name.text.starts_with("Fn::"));
        let is_passed = |entry: &Node| is_intrinsic(entry) || (may_be_nothing && entry.is_null());
        let entries = entries.filter(|(_, entry)| !is_passed(entry));
        for (name, entry) in entries {
            let path = path.to(&name.text);
            if entry.as_map().is_none() {
                let message = format!("{} is a mapping, and here it is {}", name.text, entry.value.kind());
                report.error(message, &entry.mark, &path);
            }
            Owner { title: &title, name: &name.text, mark: &name.mark, path: &path }.check(entry, report);
        }
    }

    fn unknown(&self, key: &Key, known: &[Property]) -> Diagnostic {
        let error = Diagnostic::error(format!("{} has no property {}", self.name, key.text)).at(key.mark.location());
        with_proposal(error, &key.text, known.iter().map(|property| property.name))
    }
}

/// Whether the data tell of the mapping of this title, or of one inside it.
fn is_told_of(title: &str) -> bool {
    SAM.range(title..).next().is_some_and(|(found, _)| found.starts_with(title))
}

/// An error that proposes the name that is most like the one that was written.
pub(super) fn with_proposal<'n>(error: Diagnostic, written: &str, names: impl Iterator<Item = &'n str>) -> Diagnostic {
    let alike = names.map(|name| (strsim::jaro_winkler(written, name), name));
    match alike.filter(|(alike, _)| *alike >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, name)) => error.help(format!("did you mean {name}?")),
        None => error,
    }
}

fn of_value(property: &Property, node: &Node, path: &Path<'_>, report: &Report<'_>) {
    let is_call = is_intrinsic(node);
    // An include is answered before SAM reads the template.
    let is_answered = report.is_answered || node.get("Fn::Transform").is_some();
    let is_open = || match property.is_settled {
        true => rules::is_settled(node, report.template),
        false => !property.is_literal,
    };
    if node.is_null() || (is_call && (is_answered || is_open())) {
        return;
    }
    let name = property.name;
    if !property.words.is_empty() {
        if !property.words.iter().any(|word| node.as_str() == Some(*word)) {
            report.error(format!("{name} is one of {}", property.words.join(", ")), &node.mark, path);
        }
    } else if !property.kinds.is_empty() && !property.kinds.iter().any(|kind| is_kind(kind, node, is_call)) {
        let kinds = property.kinds.iter().map(|kind| spoken(kind)).collect::<Vec<_>>().join(" or ");
        let message = if is_call {
            format!("{name} is {kinds}, written out: no function may stand for it")
        } else {
            format!("{name} is {kinds}, and here it is {}", node.value.kind())
        };
        report.error(message, &node.mark, path);
    } else if !property.items.is_empty() {
        of_items(property, node, path, report);
    }
}

fn of_items(property: &Property, list: &Node, path: &Path<'_>, report: &Report<'_>) {
    let is_item = |item: &Node| {
        is_intrinsic(item) || (!item.is_null() && property.items.iter().any(|kind| is_kind(kind, item, false)))
    };
    for item in list.as_list().unwrap_or_default().iter().filter(|item| !is_item(item)) {
        let kinds = property.items.iter().map(|kind| spoken(kind)).collect::<Vec<_>>().join(" or ");
        let message = format!("an item of {} is {kinds}, and here it is {}", property.name, item.value.kind());
        report.error(message, &item.mark, path);
    }
}

fn is_kind(kind: &str, node: &Node, is_call: bool) -> bool {
    match &node.value {
        Value::String(_) => kind == "text",
        Value::Number(_) => kind == "number",
        Value::Bool(_) => matches!(kind, "flag" | "number"),
        Value::List(_) => kind == "list",
        Value::Map(_) => kind == "mapping" && !is_call,
        Value::Null => true,
    }
}

fn spoken(kind: &str) -> &'static str {
    match kind {
        "list" => "a list",
        "mapping" => "a mapping",
        "number" => "a number",
        "flag" => "true or false",
        _ => "text",
    }
}
