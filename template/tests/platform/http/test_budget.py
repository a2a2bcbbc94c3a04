from app.platform.http.host import RetryBudget


class TestSpend:
    def test_ends_with_the_floor_when_nobody_calls(self) -> None:
        budget = RetryBudget(share=0.1, floor=2, window_seconds=10)

        assert [budget.spend() for _ in range(4)] == [True, True, False, False]

    def test_grows_with_the_calls(self) -> None:
        budget = RetryBudget(share=0.1, floor=0, window_seconds=10)
        for _ in range(30):
            budget.record_call()

        assert sum(budget.spend() for _ in range(30)) == 3

    def test_forgets_what_left_the_window(self) -> None:
        now = 0.0
        budget = RetryBudget(share=0, floor=1, window_seconds=10, clock=lambda: now)
        assert budget.spend()
        assert not budget.spend()

        now = 10.1

        assert budget.spend()
