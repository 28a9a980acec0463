//! Random failures never bring retries and hedges out of their bounds: not more of them than the budget
//! pays, no pause above its cap, nothing after the deadline, nothing left behind.

mod budgets;
mod calls;
mod pauses;
mod recovery;
