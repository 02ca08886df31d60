//! The pages, one in each file. A page says what to load, what to show and what to do;
//! `components` and `style` say how it looks.

mod account;
mod activity;
mod asker;
mod credentials;
mod data;
mod end_sessions;
mod home;
mod keep_code;
mod late;
mod look_again;
mod not_found;
mod overview;
mod own_account;
mod password;
mod recover;
mod recovery_code;
mod sessions;
mod sign_in;
mod sign_in_notice;
mod sign_up;
mod username;

pub use account::AccountPage;
pub use activity::ActivityPage;
pub use data::DataPage;
pub use home::HomePage;
pub use not_found::NotFoundPage;
pub use overview::Overviews;
pub use password::PasswordPage;
pub use recover::RecoverPage;
pub use recovery_code::RecoveryCodePage;
pub use sessions::SessionsPage;
pub use sign_in::SignInPage;
pub use sign_in_notice::SignInNoticeBar;
pub use sign_up::SignUpPage;
pub use username::UsernamePage;
