//! The addresses of pages that other pages lead to.

/// The sign-in page.
pub const SIGN_IN: &str = "/sign-in";

/// The page that makes an account.
pub const SIGN_UP: &str = "/sign-up";

/// The account page. A sign-in leads here if the person wanted no other page.
pub const ACCOUNT: &str = "/account";
