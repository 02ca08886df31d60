//! cargo-leptos wants a program beside the page. Nobody builds or runs this one.

fn main() {}
