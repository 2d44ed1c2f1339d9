//! What is being done about images: told among the events while it goes on.

use serde::{Deserialize, Serialize};

/// A step on the way to an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageProgress {
    /// The image.
    pub image: String,
    /// How far it is.
    pub step: ImageStep,
    /// Layers known so far, while it is pulled.
    #[serde(default)]
    pub layers: u32,
    /// Layers that are here.
    #[serde(default)]
    pub layers_done: u32,
    /// Bytes that came.
    #[serde(default)]
    pub bytes: u64,
    /// Bytes known to be wanted so far.
    #[serde(default)]
    pub bytes_total: u64,
    /// A line of the build's output, or why the image is not coming.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// How far an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageStep {
    /// It is being pulled.
    Pulling,
    /// It is being built.
    Building,
    /// It is here.
    Ready,
    /// It is not coming.
    Failed,
}
