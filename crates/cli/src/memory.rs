//! How much memory there is.

use amplio::Tiling;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Bytes of memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// What the machine, or the container, has.
    pub(crate) total: u64,
    /// What could be taken now without pushing others out.
    pub(crate) available: u64,
}

/// The share of the memory that a tile's network may take: pictures side by side may take four times as much together
/// (`Request::side_by_side`), and other programs need some too.
const SHARE: u64 = 8;

impl Memory {
    /// The memory of this machine, or of the container if it may use less.
    pub(crate) fn now() -> Self {
        let memory = MemoryRefreshKind::nothing().with_ram();
        let system = System::new_with_specifics(RefreshKind::nothing().with_memory(memory));
        let whole = Self { total: system.total_memory(), available: system.available_memory() };
        match system.cgroup_limits() {
            Some(limits) if limits.total_memory > 0 => Self {
                total: whole.total.min(limits.total_memory),
                available: whole.available.min(limits.free_memory),
            },
            _ => whole,
        }
    }

    /// What a tile's network may take: the usual, or less where there is little.
    pub(crate) fn for_tiles(self) -> usize {
        let usual = Tiling::default().memory;
        match self.available {
            // Not every system tells.
            0 => usual,
            available => usize::try_from(available / SHARE).map_or(usual, |share| share.min(usual)),
        }
    }
}

/// The most memory that this process has taken so far, on systems that tell.
pub(crate) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}
