//! Who may try how often: guessing is slow, and a flood keeps few people out.

pub mod known_browsers;
