//! What is being done about images, in one line each.

use std::collections::BTreeMap;

use samd_proto::image::{ImageProgress, ImageStep};

use super::Paint;

/// Back to the line's beginning, and the line away.
const ANEW: &str = "\r\u{1b}[2K";

/// Images that are shown, as the last line of a terminal or line by line.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    last: BTreeMap<String, u32>,
    /// A line of a terminal stands without its end.
    open: bool,
}

impl Shown {
    /// What to write for a step; nothing for one that is not worth a line of its own.
    pub(crate) fn line(&mut self, progress: &ImageProgress, paint: Paint) -> String {
        let text = text(progress, paint);
        if progress.step == ImageStep::Pulling && paint.0 {
            self.open = true;
            return format!("{ANEW}{text}");
        }
        let before = self.last.insert(progress.image.clone(), progress.layers_done);
        if progress.step == ImageStep::Pulling && before == Some(progress.layers_done) {
            return String::new();
        }
        format!("{}{text}\n", self.end())
    }

    /// What ends an open line.
    pub(crate) fn end(&mut self) -> String {
        if std::mem::take(&mut self.open) { ANEW.to_owned() } else { String::new() }
    }
}

/// `image shop:1: 3 of 7 layers, 12.0 of 80.0 MB`.
pub(crate) fn text(progress: &ImageProgress, paint: Paint) -> String {
    let image = paint.strong(&progress.image);
    let said = progress.text.as_deref().unwrap_or_default();
    match progress.step {
        ImageStep::Pulling => format!("pulling {image}: {}", counted(progress)),
        ImageStep::Building => format!("building {image}: {said}"),
        ImageStep::Ready => format!("image {image}: {}", paint.good("ready")),
        ImageStep::Failed => format!("image {image}: {} {said}", paint.bad("failed:")),
    }
}

fn counted(progress: &ImageProgress) -> String {
    let megabytes = |bytes: u64| format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10);
    let (done, all) = (progress.layers_done, progress.layers);
    format!("{done} of {all} layers, {} of {} MB", megabytes(progress.bytes), megabytes(progress.bytes_total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulling(layers_done: u32, bytes: u64) -> ImageProgress {
        ImageProgress {
            image: "shop:1".into(),
            step: ImageStep::Pulling,
            layers: 7,
            layers_done,
            bytes,
            bytes_total: 80_000_000,
            text: None,
        }
    }

    #[test]
    fn a_pull_is_one_line_on_a_terminal_and_a_line_for_each_layer_elsewhere() {
        let (mut shown, plain) = (Shown::default(), Paint(false));
        assert_eq!(shown.line(&pulling(0, 0), plain), "pulling shop:1: 0 of 7 layers, 0.0 of 80.0 MB\n");
        assert_eq!(shown.line(&pulling(0, 500_000), plain), "");
        assert_eq!(shown.line(&pulling(3, 12_340_000), plain), "pulling shop:1: 3 of 7 layers, 12.3 of 80.0 MB\n");
        let (mut shown, colored) = (Shown::default(), Paint(true));
        assert!(!shown.line(&pulling(0, 0), colored).ends_with('\n'));
        let ready = ImageProgress { step: ImageStep::Ready, ..pulling(7, 80_000_000) };
        let line = shown.line(&ready, colored);
        assert!(line.starts_with(ANEW) && line.ends_with('\n'), "{line:?}");
        assert_eq!(shown.end(), "");
    }
}
