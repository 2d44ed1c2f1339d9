//! A Lambda layer as it should be laid over `/opt`.

use std::path::PathBuf;

/// One layer of a function, in the template's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The layer's logical id, or its ARN when it is not made by the template.
    pub id: String,
    /// Where its files are.
    pub content: LayerContent,
}

/// Where a layer's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerContent {
    /// A folder laid out as `/opt` is.
    Folder(PathBuf),
    /// A zip of such a folder.
    Archive(PathBuf),
    /// A published layer version that has no local copy; the sentence says what to do.
    Remote {
        /// The layer version's ARN.
        arn: String,
    },
}
