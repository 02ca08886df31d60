//! Which program used the processors, because all programs share two cores.
//!
//! The numbers come from `/proc`. Without it, they are not known and not printed.

use std::fs;
use std::ops::{Add, Sub};
use std::time::Duration;

/// The unit in which Linux counts, for every configuration of the kernel (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// Time on a processor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cpu {
    /// In the program itself.
    pub user: Duration,
    /// In the kernel on its behalf: the network, files, switching.
    pub system: Duration,
}

impl Cpu {
    /// Both together.
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    fn from_ticks(user: u64, system: u64) -> Self {
        let time = |ticks| Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND);
        Self {
            user: time(user),
            system: time(system),
        }
    }
}

impl Add for Cpu {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
        }
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            user: self.user.saturating_sub(other.user),
            system: self.system.saturating_sub(other.system),
        }
    }
}

/// One line of `/proc/<id>/stat`.
struct Process {
    parent: u32,
    own: Cpu,
    /// The time of its children that have ended.
    ended_children: Cpu,
}

impl Process {
    fn read(id: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    /// The second field is a name that may contain any characters, so counting begins after it.
    fn parse(stat: &str) -> Option<Self> {
        let (_, behind_name) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = behind_name.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(number(1)?).ok()?,
            own: Cpu::from_ticks(number(11)?, number(12)?),
            ended_children: Cpu::from_ticks(number(13)?, number(14)?),
        })
    }
}

/// The processor time of one process.
pub fn of_process(id: u32) -> Option<Cpu> {
    Process::read(id).map(|process| process.own)
}

/// The processor time of a process and of all processes that it has started, also of those that
/// have ended.
pub fn of_family(id: u32) -> Option<Cpu> {
    let head = Process::read(id)?;
    let children = fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(Process::read)
        .filter(|process| process.parent == id)
        .map(|child| child.own);
    Some(children.fold(head.own + head.ended_children, Add::add))
}

/// The processor time of the programs that this one has started and seen end.
pub fn of_ended_children() -> Option<Cpu> {
    Process::read(std::process::id()).map(|process| process.ended_children)
}

/// The processor time of all programs on this machine.
pub fn of_machine() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let numbers: Vec<u64> = stat
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .filter_map(|number| number.parse().ok())
        .collect();
    // user, nice, system, [idle, waiting for a disk,] interrupts, soft interrupts; and
    // what another machine on the same hardware has taken.
    let busy: u64 = [0, 1, 2, 5, 6, 7]
        .iter()
        .filter_map(|at| numbers.get(*at))
        .sum();
    Some(Cpu::from_ticks(busy, 0).total())
}

/// The process that has started this process.
pub fn parent_of(id: u32) -> Option<u32> {
    Process::read(id).map(|process| process.parent)
}

/// What `/proc` says about resident memory, in KiB.
pub fn resident_kib(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line?.split_whitespace().next()?.parse().ok()
}
