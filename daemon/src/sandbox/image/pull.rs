//! Pulls one image, and counts its layers and bytes as they come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use crate::sandbox::StartError;
use crate::sandbox::engine::Engine;
use crate::sandbox::progress::{Board, Pull, Step};

/// The engine tells of every few kilobytes; nobody needs to hear of it more often than this.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Pulls an image and tells how far it is.
pub(super) async fn pull(engine: &Engine, name: &str, platform: &str, board: &Board) -> Result<(), StartError> {
    tracing::info!(image = name, platform, "pulling");
    let options = CreateImageOptionsBuilder::new().from_image(&tagged(name)).platform(platform).build();
    let mut steps = std::pin::pin!(engine.docker.create_image(Some(options), None, None));
    let (mut layers, mut told, mut last) = (Layers::default(), None::<Instant>, Pull::default());
    board.tell(name, Step::Pulling(last));
    while let Some(step) = steps.next().await {
        let step = step.map_err(|problem| StartError::place(format!("image {name} cannot be pulled: {problem}")))?;
        layers.hear(&step);
        let now = layers.count();
        let due = told.is_none_or(|told| told.elapsed() >= TELL_EVERY) || now.layers_done != last.layers_done;
        if now != last && due {
            board.tell(name, Step::Pulling(now));
            (told, last) = (Some(Instant::now()), now);
        }
    }
    tracing::info!(image = name, layers = layers.count().layers, bytes = layers.count().bytes, "pulled");
    Ok(())
}

/// Without a tag an engine would pull all of them.
fn tagged(name: &str) -> String {
    let last = name.rsplit_once('/').map_or(name, |(_, last)| last);
    if last.contains([':', '@']) { name.to_owned() } else { format!("{name}:latest") }
}

/// The layers of an image by id.
#[derive(Debug, Default)]
struct Layers(BTreeMap<String, Layer>);

#[derive(Debug, Default)]
struct Layer {
    bytes: u64,
    total: u64,
    done: bool,
}

impl Layers {
    /// Takes in what the engine says; that it unpacks a layer counts no bytes again.
    fn hear(&mut self, step: &CreateImageInfo) {
        let (Some(id), Some(status)) = (&step.id, &step.status) else { return };
        // The line about the tag has an id too.
        if status.starts_with("Pulling from") {
            return;
        }
        let layer = self.0.entry(id.clone()).or_default();
        let detail = step.progress_detail.as_ref();
        let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
        match status.as_str() {
            "Downloading" => {
                layer.bytes = count(detail.and_then(|detail| detail.current)).unwrap_or(layer.bytes);
                layer.total = count(detail.and_then(|detail| detail.total)).unwrap_or(layer.total).max(layer.bytes);
            }
            "Download complete" | "Verifying Checksum" => layer.bytes = layer.total,
            "Pull complete" | "Already exists" => {
                layer.bytes = layer.total;
                layer.done = true;
            }
            _ => {}
        }
    }

    fn count(&self) -> Pull {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Pull {
            layers: number(self.0.len()),
            layers_done: number(self.0.values().filter(|layer| layer.done).count()),
            bytes: self.0.values().map(|layer| layer.bytes).sum(),
            bytes_total: self.0.values().map(|layer| layer.total).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ProgressDetail;

    fn step(id: &str, status: &str, detail: Option<(i64, i64)>) -> CreateImageInfo {
        let progress_detail =
            detail.map(|(current, total)| ProgressDetail { current: Some(current), total: Some(total) });
        CreateImageInfo { id: Some(id.into()), status: Some(status.into()), progress_detail, error_detail: None }
    }

    #[test]
    fn layers_and_bytes_are_counted_as_the_engine_tells_them() {
        let mut layers = Layers::default();
        for heard in [
            step("1.0", "Pulling from lambda/python", None),
            step("aa", "Pulling fs layer", None),
            step("bb", "Already exists", None),
            step("aa", "Downloading", Some((50, 200))),
        ] {
            layers.hear(&heard);
        }
        assert_eq!(layers.count(), Pull { layers: 2, layers_done: 1, bytes: 50, bytes_total: 200 });
        layers.hear(&step("aa", "Extracting", Some((10, 200))));
        assert_eq!(layers.count().bytes, 50);
        layers.hear(&step("aa", "Pull complete", None));
        assert_eq!(layers.count(), Pull { layers: 2, layers_done: 2, bytes: 200, bytes_total: 200 });
    }

    #[test]
    fn one_tag_is_pulled() {
        assert_eq!(tagged("registry:5000/shop"), "registry:5000/shop:latest");
        assert_eq!(tagged("shop:1"), "shop:1");
        assert_eq!(tagged("shop@sha256:1234"), "shop@sha256:1234");
    }
}
