//! Throws random input at everything that takes input from outside: nothing may panic, hang, or make
//! of one response two. A fuzz target is a plain function of bytes; [`run`] drives it. `README.md` says
//! how to run them for longer and how to repeat a finding.

mod http;
mod mutate;
mod run;
mod serve;

mod answers;
mod components;
mod texts;
