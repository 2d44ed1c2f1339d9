//! The last of a project's log, in pages of text.
//!
//! Lines are copied into pages that are used again and again, so that a log that runs for weeks neither takes more memory
//! than [`RING`] nor leaves holes in the heap. Nobody is told of anything here.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use super::{LogEntry, LogSource, Printed};
use crate::project::FunctionId;

/// Bytes that a project's ring holds, of text and of what is known of each line; some 7,000 lines of usual length.
pub(super) const RING: usize = 1024 * 1024;
/// Bytes on a page; a longer line has one of its own.
const PAGE: usize = 16 * 1024;

/// The ring.
#[derive(Debug, Default)]
pub(super) struct Ring {
    pages: VecDeque<Page>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Page {
    text: String,
    marks: Vec<Mark>,
}

/// What is known of a line.
#[derive(Debug)]
struct Mark {
    time: SystemTime,
    function: Arc<FunctionId>,
    source: LogSource,
    request_id: Option<Arc<str>>,
    /// Where its text ends on the page; it begins where the one before ends.
    end: usize,
}

impl Ring {
    /// Appends a line; the oldest page gives way.
    pub(super) fn push(&mut self, printed: &Printed<'_>) {
        let page = match self.pages.back() {
            Some(page) if page.bytes() + printed.line.len() <= PAGE => self.pages.back_mut(),
            Some(_) | None => {
                let page = self.give_way(printed.line.len());
                self.pages.push_back(page);
                self.pages.back_mut()
            }
        };
        if let Some(page) = page {
            let before = page.bytes();
            page.push(printed);
            self.bytes += page.bytes() - before;
        }
    }

    /// A page with nothing on it, once there is room for a line of `coming` bytes.
    fn give_way(&mut self, coming: usize) -> Page {
        let mut free = None;
        while self.bytes + coming.max(PAGE) > RING {
            let Some(oldest) = self.pages.pop_front() else { break };
            self.bytes -= oldest.bytes();
            free = free.or(Some(oldest).filter(|page| page.text.capacity() <= 2 * PAGE));
        }
        free.map_or_else(Page::default, Page::cleared)
    }

    /// The entries, oldest first.
    pub(super) fn entries(&self) -> impl Iterator<Item = LogEntry> {
        self.pages.iter().flat_map(Page::entries)
    }
}

impl Page {
    fn push(&mut self, printed: &Printed<'_>) {
        self.text.push_str(printed.line);
        self.marks.push(Mark {
            time: printed.time,
            function: printed.function.clone(),
            source: printed.source,
            request_id: printed.request_id.cloned(),
            end: self.text.len(),
        });
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.marks.len() * size_of::<Mark>()
    }

    fn cleared(mut self) -> Page {
        self.text.clear();
        self.marks.clear();
        self
    }

    fn entries(&self) -> impl Iterator<Item = LogEntry> {
        let mut start = 0;
        self.marks.iter().map(move |mark| {
            let line = self.text.get(start..mark.end).unwrap_or_default();
            start = mark.end;
            LogEntry {
                time: mark.time,
                function: mark.function.clone(),
                line: line.into(),
                source: mark.source,
                request_id: mark.request_id.clone(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(ring: &mut Ring, line: &str) {
        let function = Arc::new(FunctionId("F".to_owned()));
        let time = SystemTime::UNIX_EPOCH;
        ring.push(&Printed { time, function: &function, line, source: LogSource::Function, request_id: None });
    }

    fn lines(ring: &Ring) -> Vec<String> {
        ring.entries().map(|entry| entry.line.to_string()).collect()
    }

    #[test]
    fn lines_come_back_in_order_and_empty_ones_too() {
        let mut ring = Ring::default();
        ["one", "", "zwei \u{e9}", "3"].iter().for_each(|line| pushed(&mut ring, line));
        assert_eq!(lines(&ring), ["one", "", "zwei \u{e9}", "3"]);
    }

    #[test]
    fn the_oldest_lines_give_way_and_the_ring_stays_within_its_bytes() {
        let mut ring = Ring::default();
        for number in 0..100_000 {
            pushed(&mut ring, &format!("line {number} {}", "x".repeat(number % 300)));
            assert!(ring.bytes <= RING, "{} bytes at line {number}", ring.bytes);
        }
        let kept = lines(&ring);
        assert!(kept.len() > 3_000, "{} lines", kept.len());
        let first: usize = 100_000 - kept.len();
        for (number, line) in (first..).zip(&kept) {
            assert!(line.starts_with(&format!("line {number} ")), "{number}: {line}");
        }
        assert_eq!(ring.bytes, ring.pages.iter().map(Page::bytes).sum::<usize>());
    }

    #[test]
    fn lines_longer_than_a_page_are_kept_whole() {
        let mut ring = Ring::default();
        let long = "y".repeat(256 * 1024);
        for _ in 0..10 {
            pushed(&mut ring, &long);
            pushed(&mut ring, "short");
            assert!(ring.bytes <= RING, "{} bytes", ring.bytes);
        }
        let kept = lines(&ring);
        assert_eq!(kept.last().map(String::as_str), Some("short"));
        assert!(kept.contains(&long));
    }

    #[test]
    fn empty_lines_fill_the_ring_as_well() {
        let mut ring = Ring::default();
        for _ in 0..200_000 {
            pushed(&mut ring, "");
        }
        assert!(ring.bytes <= RING, "{} bytes", ring.bytes);
    }
}
