from localmesh.envoy.memo import Memo


def test_what_is_asked_for_again_is_made_once_and_forgotten_when_nobody_asks() -> None:
    memo: Memo[list[int]] = Memo()
    made: list[int] = []

    def double(argument: list[int]) -> list[int]:
        made.append(argument[0])
        return argument * 2

    one, equal = [1], [1]
    assert memo.get(double, one) is memo.get(double, one)
    assert memo.get(double, equal) is not memo.get(double, one)
    assert made == [1, 1]
    memo.forget()
    kept = memo.get(double, one)
    memo.forget()
    assert memo.get(double, one) is kept
    memo.forget()
    memo.forget()
    memo.get(double, one)
    assert made == [1, 1, 1]
