//! The addresses of pages that other pages lead to.

/// The sign-in page.
pub const SIGN_IN: &str = "/sign-in";

/// The page that makes an account.
pub const SIGN_UP: &str = "/sign-up";

/// The account page: where a sign-in leads if no other page was wanted.
pub const ACCOUNT: &str = "/account";
