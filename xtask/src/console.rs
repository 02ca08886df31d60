//! The messages for a person who waits.
//!
//! A step that takes longer than a moment first says what it does and how long that usually takes.
//! All messages go to standard error, so that standard output only contains the result.

use std::time::Duration;

/// A long step begins.
pub fn begin(what: &str) {
    eprintln!("\n==> {what}");
}

/// A step was already done, or took no time.
pub fn note(what: &str) {
    eprintln!("    {what}");
}

/// `7 s`, `1 min 05 s`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    if seconds < 60 {
        format!("{seconds} s")
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_a_person_would_say_them() {
        assert_eq!(duration(Duration::from_millis(6600)), "7 s");
        assert_eq!(duration(Duration::from_millis(59_700)), "1 min 00 s");
        assert_eq!(duration(Duration::from_secs(785)), "13 min 05 s");
    }
}
