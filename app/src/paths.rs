//! The addresses of pages that other pages lead to.

/// The sign-in page.
pub const SIGN_IN: &str = "/sign-in";

/// The page that makes an account.
pub const SIGN_UP: &str = "/sign-up";

/// The page for a person who forgot the password.
pub const RECOVER: &str = "/recover";

/// The page that shows a new recovery code, or makes one.
pub const RECOVERY_CODE: &str = "/recovery-code";

/// The account page. A sign-in leads here if the person wanted no other page.
pub const ACCOUNT: &str = "/account";

/// The list of sessions.
pub const SESSIONS: &str = "/sessions";

/// What has happened in the account.
pub const ACTIVITY: &str = "/activity";

/// The ten steps, made to happen.
pub const FLOW: &str = "/flow";

/// The page that changes the password.
pub const PASSWORD: &str = "/password";

/// The query of [`PASSWORD`] after a person has ended a session that was not theirs.
pub const NOT_ME: &str = "not-me";

/// The page that changes the username.
pub const USERNAME: &str = "/username";

/// The page with a copy of the data, on which a person deletes the account.
pub const DATA: &str = "/data";

/// Whether the page at this path leads a signed-out person to the sign-in page.
pub fn needs_session(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    [
        ACCOUNT,
        SESSIONS,
        ACTIVITY,
        PASSWORD,
        USERNAME,
        RECOVERY_CODE,
        DATA,
    ]
    .contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pages_of_an_account_need_a_session() {
        for (path, expected) in [
            ("/account", true),
            ("/account/", true),
            ("/recovery-code", true),
            ("/data", true),
            ("/", false),
            ("/sign-in", false),
            ("/recover", false),
            ("/flow", false),
        ] {
            assert_eq!(needs_session(path), expected, "{path}");
        }
    }
}
