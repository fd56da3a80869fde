from localmesh.envoy.memo import Memo


def test_what_is_asked_for_again_is_made_once_and_forgotten_when_nobody_asks() -> None:
    made: list[int] = []

    def double(argument: list[int]) -> list[int]:
        made.append(argument[0])
        return argument * 2

    memo = Memo(double)
    one, equal = [1], [1]
    assert memo.get(one) is memo.get(one)
    assert memo.get(equal) is not memo.get(one)
    assert made == [1, 1]
    memo.forget()
    kept = memo.get(one)
    memo.forget()
    assert memo.get(one) is kept
    memo.forget()
    memo.forget()
    memo.get(one)
    assert made == [1, 1, 1]
