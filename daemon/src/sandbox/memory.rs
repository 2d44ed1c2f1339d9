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
#[must_use]
pub fn of_tree(pid: u32) -> Usage {
    let mut usage = Usage::default();
    let mut pending = vec![pid];
    let mut seen = 0;
    while let Some(pid) = pending.pop() {
        seen += 1;
        if seen > MOST_PROCESSES {
            break;
        }
        let (current, peak) = of_process(pid);
        usage.current += current;
        usage.peak = usage.peak.max(peak);
        pending.extend(children(pid));
    }
    usage.peak = usage.peak.max(usage.current);
    usage
}

fn of_process(pid: u32) -> (u64, u64) {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return (0, 0) };
    let field = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
        kilobytes.unwrap_or(0_u64) * 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
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
        let usage = super::of_tree(std::process::id());
        assert!(usage.current > 1 << 20, "{usage:?}");
        assert!(usage.peak >= usage.current);
    }
}
