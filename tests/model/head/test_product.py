"""The product head: what the question says alone, what it says of a video, answers as vectors."""

import torch

from model.head.product import ProductHead

D, ANSWERS, VECTOR = 8, 6, 5


def head(answer_width: int = 0) -> ProductHead:
    torch.manual_seed(0)
    return ProductHead(width=D, answers=ANSWERS, dropout=0.5, answer_width=answer_width).eval()


def test_a_video_of_zeros_leaves_the_question_alone() -> None:
    net, question = head(), torch.rand(3, D)
    alone = net.question_scores(question)
    torch.testing.assert_close(net(torch.zeros(3, D), question), alone)
    assert not torch.allclose(net(torch.randn(3, D), question), alone)


def test_a_question_of_nothing_says_the_same_of_every_video() -> None:
    scores = head(VECTOR)(torch.randn(4, D), torch.zeros(4, D))
    torch.testing.assert_close(scores, scores[:1].expand(4, -1))


def test_answers_with_one_vector_share_what_is_learned_and_unknown_ones_have_no_part() -> None:
    net = head(VECTOR)
    vectors = torch.randn(ANSWERS, VECTOR)
    vectors[3], vectors[5] = 7 * vectors[2], 0
    net.fit(vectors)
    with torch.no_grad():  # the classes' own scores out of the way
        net.question_scores.weight.zero_()
        net.question_scores.bias.zero_()
        net.product_scores.weight.zero_()
    scores = net(torch.randn(2, D), torch.rand(2, D))
    torch.testing.assert_close(scores[:, 3], scores[:, 2])  # of one direction
    assert (scores[:, 5] == 0).all() and (scores[:, 0] != 0).all()
    assert "answer_vectors" in net.state_dict()
