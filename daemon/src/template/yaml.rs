//! YAML and JSON text → one tree ([`Node`]) that knows line and column of every value.
//!
//! Short tags (`!Ref`, `!Sub`, …) become their long form here, so nothing behind this file knows that tags exist.
//! Anchors, aliases and merge keys (`<<`) are resolved; named limits refuse documents made to exhaust memory. This file,
//! `scalar` and `lenient` are the only ones that know the YAML library.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::diagnostic::Diagnostic;
use super::hashed::HashedSet;
use super::lenient::{Mended, Moved, Unforgiven, mended};
use super::node::{Key, Map, Mark, Node, Value};
use super::scalar::{long_form, plain_value, tag_name, with_joined_surrogates};

/// Deepest nesting of lists and mappings.
pub const MAX_DEPTH: usize = 100;
/// Most values in a file.
pub const MAX_NODES: usize = 8_000_000;
/// Most values that aliases may stand for, each use counted: the limit that stops "billion laughs".
pub const MAX_ALIASED_NODES: usize = 500_000;

/// Most different texts that are shared; a template's many ids are not worth remembering.
const MAX_SHARED: usize = 1_000;
/// A longer value seldom comes twice.
const SHORT: usize = 12;

/// Parses one document.
///
/// # Errors
/// The first thing that is not YAML, or the limit that the text exceeds.
pub fn parse(file: &Arc<PathBuf>, text: &str) -> Result<Node, Diagnostic> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let json = is_json(text);
    let joined = if json { with_joined_surrogates(text) } else { Cow::Borrowed(text) };
    let fault = match read(Builder::new(file), &joined)? {
        Ok(root) => return Ok(root),
        Err(fault) if json => return Err(not_yaml(&Builder::new(file), "JSON", &fault)),
        Err(fault) => fault,
    };
    match mended(&joined, fault) {
        Ok(Mended { text, moved }) => {
            let builder = Builder { moved, ..Builder::new(file) };
            read(builder, &text)?.map_err(|fault| not_yaml(&Builder::new(file), "YAML", &fault))
        }
        Err(Unforgiven { fault, moved }) => Err(not_yaml(&Builder { moved, ..Builder::new(file) }, "YAML", &fault)),
    }
}

/// The document, or the first thing that is not YAML.
fn read(mut builder: Builder, text: &str) -> Result<Result<Node, ScanError>, Diagnostic> {
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => builder.accept(event, span.start)?,
            Err(fault) => return Ok(Err(fault)),
        }
    }
    let file = Arc::clone(&builder.file);
    Ok(Ok(builder.root.unwrap_or_else(|| Node::new(Value::Null, &Mark::start(&file)))))
}

fn not_yaml(builder: &Builder, language: &str, fault: &ScanError) -> Diagnostic {
    let place = builder.mark(*fault.marker());
    Diagnostic::error(format!("this is not valid {language}: {}", fault.info())).at(place.location())
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// A list or mapping that is being read: what it has so far begins at `start` of what is read of all.
enum Frame {
    List { start: usize, open: Open },
    Map { start: usize, key: Option<Key>, merges: Vec<Node>, open: Open },
}

/// What was known of a collection when it opened.
struct Open {
    mark: Mark,
    tag: Option<String>,
    anchor: usize,
    nodes_before: usize,
}

/// Texts that stand in a template again and again.
#[derive(Default)]
struct Shared(HashedSet<Arc<str>>);

impl Shared {
    /// A text, shared with its equals.
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let text = Arc::from(text);
        if self.0.len() < MAX_SHARED {
            self.0.insert(Arc::clone(&text));
        }
        text
    }
}

struct Builder {
    file: Arc<PathBuf>,
    /// What the text was mended by before it was read.
    moved: Moved,
    stack: Vec<Frame>,
    /// What is read of all open lists, so that each has exactly the room that it needs when it closes.
    items: Vec<Node>,
    /// As `items`, of all open mappings.
    entries: Vec<(Key, Node)>,
    /// Anchored values and how many nodes each is.
    anchors: HashMap<usize, (Node, usize)>,
    /// Keys that were read, since the same few stand in every resource.
    keys: Shared,
    /// As `keys`, short values.
    values: Shared,
    nodes: usize,
    aliased: usize,
    root: Option<Node>,
}

impl Builder {
    fn new(file: &Arc<PathBuf>) -> Builder {
        Builder {
            file: Arc::clone(file),
            moved: Moved::default(),
            stack: Vec::new(),
            items: Vec::new(),
            entries: Vec::new(),
            anchors: HashMap::new(),
            keys: Shared::default(),
            values: Shared::default(),
            nodes: 0,
            aliased: 0,
            root: None,
        }
    }

    fn mark(&self, marker: Marker) -> Mark {
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Mark {
            file: Arc::clone(&self.file),
            line: narrow(marker.line()),
            column: narrow(self.moved.column(marker) + 1),
        }
    }

    fn accept(&mut self, event: Event<'_>, start: Marker) -> Result<(), Diagnostic> {
        let mark = self.mark(start);
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Diagnostic::error("a second YAML document begins here; a template is one document")
                    .at(mark.location()))
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, anchor, tag_name(tag.as_deref()), mark)
            }
            Event::Alias(anchor) => self.alias(anchor, mark),
            Event::SequenceStart(anchor, tag) => {
                let open = self.open(anchor, tag.as_deref(), mark)?;
                self.stack.push(Frame::List { start: self.items.len(), open });
                Ok(())
            }
            Event::MappingStart(anchor, tag) => {
                let open = self.open(anchor, tag.as_deref(), mark)?;
                self.stack.push(Frame::Map { start: self.entries.len(), key: None, merges: Vec::new(), open });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn open(&mut self, anchor: usize, tag: Option<&Tag>, mark: Mark) -> Result<Open, Diagnostic> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Diagnostic::error(format!("values nest deeper than {MAX_DEPTH} levels")).at(mark.location()));
        }
        let nodes_before = self.nodes;
        self.count(1, &mark)?;
        Ok(Open { mark, tag: tag_name(tag), anchor, nodes_before })
    }

    fn count(&mut self, nodes: usize, mark: &Mark) -> Result<(), Diagnostic> {
        self.nodes += nodes;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        Err(Diagnostic::error(format!("the file has more than {MAX_NODES} values")).at(mark.location()))
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<String>,
        mark: Mark,
    ) -> Result<(), Diagnostic> {
        self.count(1, &mark)?;
        if let Some(Frame::Map { key: None, .. }) = self.stack.last() {
            let key = Key { text: self.keys.text(text), mark: mark.clone() };
            if anchor != 0 {
                self.anchors.insert(anchor, (Node::text(text, &mark), 1));
            }
            if let Some(Frame::Map { key: slot, .. }) = self.stack.last_mut() {
                *slot = Some(key);
            }
            return Ok(());
        }
        let plain = matches!(style, ScalarStyle::Plain) && tag.is_none();
        let text = if text.len() > SHORT { Arc::from(text) } else { self.values.text(text) };
        let value = if plain { plain_value(text) } else { Value::String(text) };
        let node = long_form(tag.as_deref(), Node { value, mark });
        self.anchor(anchor, &node, 1);
        self.add(node)
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), Diagnostic> {
        let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
            return Err(Diagnostic::error("this alias stands inside the value that it names").at(mark.location()));
        };
        self.aliased += size;
        if self.aliased > MAX_ALIASED_NODES {
            let message = format!("aliases stand for more than {MAX_ALIASED_NODES} values");
            return Err(Diagnostic::error(message).at(mark.location()).help("write fewer nested aliases"));
        }
        self.count(size, &mark)?;
        if let Some(Frame::Map { key: slot @ None, .. }) = self.stack.last_mut() {
            let text = node.scalar().ok_or_else(|| key_is_no_text(&mark))?;
            *slot = Some(Key { text, mark });
            return Ok(());
        }
        self.add(node)
    }

    fn close(&mut self) -> Result<(), Diagnostic> {
        let (node, open) = match self.stack.pop() {
            Some(Frame::List { start, open }) => (Node::list(self.items.split_off(start), &open.mark), open),
            Some(Frame::Map { start, merges, open, .. }) => {
                (merged(self.entries.split_off(start), &merges, &open.mark), open)
            }
            None => return Ok(()),
        };
        let node = long_form(open.tag.as_deref(), node);
        self.anchor(open.anchor, &node, self.nodes - open.nodes_before);
        self.add(node)
    }

    fn anchor(&mut self, anchor: usize, node: &Node, size: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
    }

    fn add(&mut self, node: Node) -> Result<(), Diagnostic> {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { .. }) => self.items.push(node),
            Some(Frame::Map { key, merges, .. }) => match key.take() {
                Some(key) if key.text.as_ref() == "<<" => merges.push(node),
                Some(key) => self.entries.push((key, node)),
                None => return Err(key_is_no_text(&node.mark)),
            },
        }
        Ok(())
    }
}

fn key_is_no_text(mark: &Mark) -> Diagnostic {
    Diagnostic::error("a key must be text, and here it is a list or a mapping").at(mark.location())
}

/// The entries of a mapping over those of its merge keys (`<<: *base`).
fn merged(entries: Vec<(Key, Node)>, merges: &[Node], mark: &Mark) -> Node {
    if merges.is_empty() {
        return Node::map(entries, mark);
    }
    let mut map = Map::default();
    // YAML gives the first of several bases precedence, so they are laid down from the last to the first.
    for base in merges.iter().rev().flat_map(bases) {
        for (key, value) in base.iter() {
            map.set(key.clone(), value.clone());
        }
    }
    for (key, value) in entries {
        map.set(key, value);
    }
    Node::new(Value::Map(Arc::new(map)), mark)
}

fn bases(node: &Node) -> Vec<&Map> {
    match &node.value {
        Value::Map(map) => vec![map.as_ref()],
        Value::List(items) => items.iter().rev().filter_map(Node::as_map).collect(),
        _ => Vec::new(),
    }
}
