//! The form of each record on disk: JSON with a `version` of its own, apart from the project's and the protocol's types.
//!
//! A field is only ever added, with a default; anything else is a new version beside the old one, whose reading stays
//! here and in the golden files. Converts by hand in both directions, so that a renamed field of the project's types
//! changes nothing on disk.

mod containers;
mod gateway;
mod invocation;
mod project;
mod sandbox;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::invocation::InvocationV1;
use self::project::ProjectV1;
use self::sandbox::SandboxV1;
use super::content::{Content, INVOCATION, Op};
use super::error::StoreError;
use super::model::{Change, Saved, SavedProject};

/// The version that this samd writes.
pub(super) const VERSION: u32 = 1;
const PROJECT: &str = "project/";
const SANDBOX: &str = "sandbox/";

/// Why a record cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A later samd wrote it.
    Newer(u32),
    /// It is damaged; the sentence says how.
    Damaged(String),
}

/// The change of a record that a change of the model asks for.
pub(super) fn encode(change: &Change) -> Result<Op, StoreError> {
    Ok(match change {
        Change::PutProject(project) => put(format!("{PROJECT}{}", project.settings.name), &ProjectV1::from(project))?,
        Change::RemoveProject(name) => Op::Delete(format!("{PROJECT}{name}")),
        Change::PutSandbox(sandbox) => put(format!("{SANDBOX}{}", sandbox.id.0), &SandboxV1::from(sandbox))?,
        Change::RemoveSandbox(id) => Op::Delete(format!("{SANDBOX}{}", id.0)),
        Change::PutInvocation(saved) => {
            let key = invocation_key(&saved.invocation.request_id)?;
            let record = InvocationV1::try_from(saved)
                .map_err(|cause| StoreError::Encode { what: key.clone(), cause: cause.to_string() })?;
            put(key, &record)?
        }
        Change::RemoveInvocation(id) => Op::Delete(invocation_key(id)?),
    })
}

/// The key of an invocation, which also names a file: ids are UUIDs, and nothing else is let in.
fn invocation_key(id: &str) -> Result<String, StoreError> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Ok(format!("{INVOCATION}{id}"));
    }
    Err(StoreError::Encode { what: format!("invocation {id}"), cause: "this is no request id".to_owned() })
}

fn put(key: String, record: &impl Serialize) -> Result<Op, StoreError> {
    match serde_json::to_string(record) {
        Ok(text) => Ok(Op::Put(key, text.into())),
        Err(cause) => Err(StoreError::Encode { what: key, cause: cause.to_string() }),
    }
}

/// Reads one record into what was saved; a key of an unknown table is damage, since no version ever wrote it.
pub(super) fn decode_into(saved: &mut Saved, key: &str, text: &str) -> Result<(), Unreadable> {
    check_version(text)?;
    if key.starts_with(PROJECT) {
        let project = SavedProject::from(parse::<ProjectV1>(text)?);
        saved.projects.insert(project.settings.name.clone(), project);
    } else if key.starts_with(SANDBOX) {
        saved.sandboxes.push(parse::<SandboxV1>(text)?.into());
    } else if key.starts_with(INVOCATION) {
        saved.invocations.push(parse::<InvocationV1>(text)?.into());
    } else {
        return Err(Unreadable::Damaged(format!("a record of an unknown table: {key}")));
    }
    Ok(())
}

/// Reads all records.
pub(super) fn decode(content: &Content) -> Result<Saved, Unreadable> {
    let mut saved = Saved::default();
    for (key, text) in &content.records {
        decode_into(&mut saved, key, text)?;
    }
    saved.invocations.sort_by_key(|saved| saved.accepted);
    Ok(saved)
}

fn check_version(text: &str) -> Result<(), Unreadable> {
    #[derive(Deserialize)]
    struct Header {
        version: u32,
    }
    match parse::<Header>(text)?.version {
        VERSION => Ok(()),
        0 => Err(Unreadable::Damaged("a record of version 0".to_owned())),
        newer => Err(Unreadable::Newer(newer)),
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(|cause| Unreadable::Damaged(cause.to_string()))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
