//! How much memory a process and its descendants use, read from `/proc`.

use std::fs;

/// Memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Resident now.
    pub current: u64,
    /// The most the main process ever had resident.
    pub peak: u64,
}

/// Processes of one sandbox that are looked at; a fork storm is not followed further.
const MOST_PROCESSES: usize = 256;

/// The memory of a process and all its descendants. Zero where `/proc` does not tell.
///
/// Pages that processes share are counted for each, which costs little to read; only where that comes to more than
/// `limit` each page is counted once, as a control group does.
#[must_use]
pub fn of_tree(pid: u32, limit: u64) -> Usage {
    let processes = tree(pid);
    let (current, peak) = processes
        .iter()
        .map(|pid| of_process(*pid))
        .fold((0, 0), |(sum, most), (current, peak)| (sum + current, most.max(peak)));
    let current = if current > limit && processes.len() > 1 {
        processes.iter().map(|pid| share_of_process(*pid)).sum()
    } else {
        current
    };
    Usage { current, peak: peak.max(current) }
}

/// The process and its descendants, as many as are looked at.
fn tree(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() && found.len() < MOST_PROCESSES {
        found.extend(children(found[next]));
        next += 1;
    }
    found.truncate(MOST_PROCESSES);
    found
}

/// A process's memory, of pages that it shares its part alone.
fn share_of_process(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    kilobytes(&rollup, "Pss:")
}

fn of_process(pid: u32) -> (u64, u64) {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return (0, 0) };
    (kilobytes(&status, "VmRSS:"), kilobytes(&status, "VmHWM:"))
}

/// A field of a file of `/proc` that counts kilobytes, in bytes.
fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
    number.unwrap_or(0_u64) * 1024
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_uses_memory() {
        let usage = super::of_tree(std::process::id(), u64::MAX);
        assert!(usage.current > 1 << 20, "{usage:?}");
        assert!(usage.peak >= usage.current);
    }
}
