"""What every caption decoder holds to, and each one's own."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from data_loader import vocabulary
from model.caption import decoder as special
from model.caption import sequence
from model.caption.captioner import DECODERS, DecoderName
from model.caption.decoder import BOS, EOS, PAD, Rows, take_rows
from model.caption.ets_paddle import EtsPaddleDecoder, ResetFirstGRU
from model.caption.ets_yao2015 import EtsYaoDecoder
from model.caption.lstm import FrameAlignedDecoder
from tests.model.caption.tiny import APPEARANCE, CONFIG, MOTION, NAMES, WORDS, captioner, videos

FORMS: list[tuple[DecoderName, dict]] = [
    *((name, {}) for name in NAMES),
    ("lstm", {"legacy_frame_aligned": True}),
    ("ets_paddle", {"attn_act": "none"}),
    ("transformer", {"word_width": 16}),
    ("transformer", {"positions": "frames"}),
]
each_form = pytest.mark.parametrize(("name", "changes"), FORMS, ids=str)


def test_every_name_has_a_decoder_and_numbers_are_the_files() -> None:
    assert set(DECODERS) == set(NAMES)
    numbers = [getattr(special, n) for n in ("PAD", "BOS", "EOS", "UNK")]
    assert numbers == [getattr(vocabulary, n) for n in ("PAD", "BOS", "EOS", "UNK_WORD")]


def words(count: int, length: int) -> Tensor:
    """Captions as they are read, <BOS> first."""
    drawn = torch.randint(4, WORDS, (count, length), generator=torch.Generator().manual_seed(1))
    drawn[:, 0] = BOS
    return drawn


@each_form
@torch.no_grad()
def test_word_by_word_is_all_at_once(name: DecoderName, changes: dict) -> None:
    model = captioner(name, **changes)
    memory, read = model.encode(*videos(3, clips=(4, 2, 3))), words(3, 6)
    whole = model.decoder(memory, read)
    state = model.decoder.start(memory)
    for i, word in enumerate(read.unbind(1)):
        step = model.decoder.step(word, state, memory)
        state = step.state
        torch.testing.assert_close(step.logits, whole.logits[:, i], rtol=0, atol=1e-5)
        if whole.attention is None:
            assert step.attention is None
        else:
            assert step.attention is not None
            torch.testing.assert_close(step.attention, whole.attention[:, i], rtol=0, atol=1e-6)
    assert whole.logits.std() > 1e-4


@each_form
@torch.no_grad()
def test_later_words_and_other_rows_change_nothing(name: DecoderName, changes: dict) -> None:
    model = captioner(name, **changes)
    memory, read = model.encode(*videos(3)), words(3, 5)
    before = model.decoder(memory, read).logits
    other = read.clone()
    other[:, 3:] = 4 + (other[:, 3:] - 3) % (WORDS - 4)
    after = model.decoder(memory, other).logits
    torch.testing.assert_close(before[:, :3], after[:, :3])
    if not changes.get("legacy_frame_aligned"):
        assert not torch.allclose(before[:, 3:], after[:, 3:])
    alone = model.decoder(take_rows(memory, torch.tensor([1])), read[1:2]).logits
    torch.testing.assert_close(alone[0], before[1], rtol=0, atol=1e-5)


@each_form
@torch.no_grad()
def test_padded_clips_change_nothing(name: DecoderName, changes: dict) -> None:
    """Nor does a clip that is left out in the middle, whatever it holds."""
    model = captioner(name, **changes)
    appearance, motion, mask = videos(2, clips=(4, 4))
    mask[0, 3] = mask[1, 1] = False
    read = words(2, 5)
    expected = model.decoder(model.encode(appearance, motion, mask), read)
    changed = [x.masked_fill(~mask.view(2, 4, *[1] * (x.dim() - 2)), 9.0) for x in
               (appearance, motion)]  # fmt: skip
    padded = [nn.functional.pad(x, [0, 0] * (x.dim() - 2) + [0, 3], value=5.0) for x in changed]
    found = model.decoder(model.encode(*padded, nn.functional.pad(mask, (0, 3))), read)
    torch.testing.assert_close(found.logits, expected.logits, rtol=0, atol=1e-5)
    if found.attention is not None and expected.attention is not None:
        kept = found.attention[..., : expected.attention.shape[2]]
        torch.testing.assert_close(kept, expected.attention, rtol=0, atol=1e-6)
        assert found.attention[..., expected.attention.shape[2] :].abs().max() == 0
        torch.testing.assert_close(kept.sum(2), torch.ones(2, 5))
        frames = kept.shape[2] // 4
        assert (kept[1, :, frames : 2 * frames] == 0).all()
        assert (kept[0, :, frames : 2 * frames] > 0).all()
    if name != "transformer":  # whose positions know their places
        rest = [torch.cat([x[1:, :1], x[1:, 2:]], 1) for x in (appearance, motion, mask)]
        without = model.decoder(model.encode(*rest), read[1:])
        torch.testing.assert_close(without.logits[0], expected.logits[1], rtol=0, atol=1e-5)


@each_form
def test_every_trainable_tensor_gets_gradient(name: DecoderName, changes: dict) -> None:
    changes = {"units": 2, "dropout": 0.2, "feature_dropout": 0.1, **changes}
    model = captioner(name, sharp=8.0 if name == "ets_yao2015" else 1.0, **changes).train()
    dead = {"decoder.score.bias"}  # c of Yao's attention: the same for all positions
    if changes.get("attn_act") == "none":
        dead.add("decoder.of_state.weight")  # the bug
    read = words(3, 6)
    logits = model.decoder(model.encode(*videos(3, clips=(4, 2, 3))), read[:, :-1]).logits
    nn.functional.cross_entropy(logits.flatten(0, 1), read[:, 1:].flatten()).backward()
    for tensor, parameter in model.named_parameters():
        assert parameter.grad is not None, tensor
        largest = float(parameter.grad.abs().max())
        assert largest < 1e-6 if tensor in dead else largest > 1e-8, (tensor, largest)


def greedy(model: nn.Module, memory: Rows, count: int) -> list[list[int]]:
    """Captions of the likeliest next words, read in a plain loop."""
    assert isinstance(model.decoder, special.CaptionDecoder)
    found: list[list[int]] = []
    for video in range(count):
        own = take_rows(memory, torch.tensor([video]))
        state, word, said = model.decoder.start(own), torch.tensor([BOS]), []
        while len(said) < 12:
            step = model.decoder.step(word, state, own)
            state, word = step.state, step.logits.argmax(1)
            if word == EOS:
                break
            said.append(int(word))
        found.append(said)
    return found


@each_form
def test_one_batch_is_learned_by_heart(name: DecoderName, changes: dict) -> None:
    """Captions of several lengths, exactly, by greedy search."""
    words_width = 32 if "word_width" in changes else 16  # 6 are too few for Yao's last layer
    model = captioner(name, **{**changes, "width": 32, "word_width": words_width}).train()
    batch = videos(4, clips=(4, 4, 3, 4))
    truth = [[4, 5, 6], [7, 4, 5], [5], [8, 9]]
    read = torch.full((4, 4), PAD)
    target = torch.full((4, 4), PAD)
    for i, caption in enumerate(truth):
        read[i, : len(caption) + 1] = torch.tensor([BOS, *caption])
        target[i, : len(caption) + 1] = torch.tensor([*caption, EOS])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(120):
        optimizer.zero_grad()
        logits = model.decoder(model.encode(*batch), read).logits
        nn.functional.cross_entropy(
            logits.flatten(0, 1), target.flatten(), ignore_index=PAD
        ).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    model.eval()
    with torch.no_grad():
        assert greedy(model, model.encode(*batch), 4) == truth


@each_form
def test_bfloat16(name: DecoderName, changes: dict) -> None:
    """Under autocast it trains, near what float32 gives."""
    model = captioner(name, **changes)
    batch, read = videos(2, clips=(4, 2)), words(2, 4)
    expected = model.decoder(model.encode(*batch), read).logits
    with torch.autocast("cpu", dtype=torch.bfloat16):
        memory = model.encode(*batch)
        found = model.decoder(memory, read).logits
        state = model.decoder.start(memory)
        for word in read.unbind(1):
            step = model.decoder.step(word, state, memory)
            state = step.state
    torch.testing.assert_close(found.float(), expected, rtol=0.1, atol=0.05)
    torch.testing.assert_close(step.logits.float(), found[:, -1].float(), rtol=0.1, atol=0.05)
    assert not any(x.dtype == torch.float16 for x in (*memory.values(), *step.state.values()))
    found.float().logsumexp(2).sum().backward()
    for tensor, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), tensor


def attention(attn_act: str, name: DecoderName = "ets_paddle") -> Tensor:
    model = captioner(name, sharp=3.0, attn_act=attn_act)
    found = model.decoder(model.encode(*videos(2)), words(2, 6)).attention
    assert found is not None
    return found


@torch.no_grad()
def test_without_tanh_no_word_changes_where_paddles_ets_looks() -> None:
    static, moving = attention("none"), attention("tanh")
    torch.testing.assert_close(static, static[:, :1].expand_as(static), rtol=0, atol=1e-6)
    assert (moving - moving[:, :1]).abs().max() > 1e-2
    assert static.std() > 1e-2  # it looks somewhere, always there


@pytest.mark.parametrize("vocabulary", [100, 5000])
def test_size_of_paddles_ets(vocabulary: int) -> None:
    config = replace(CONFIG, width=512, word_width=512, vocabulary=vocabulary)
    decoder = EtsPaddleDecoder(config, 2048)
    assert sum(p.numel() for p in decoder.parameters()) == 11_279_360 + 1025 * vocabulary


def test_paddles_gru() -> None:
    """Against its equations, unit by unit; PyTorch's, with r after U, is another one."""
    torch.manual_seed(0)
    gru, width = ResetFirstGRU(4), 4
    nn.init.normal_(gru.bias)
    inputs, hidden = torch.randn(2, 12), torch.randn(2, 4)
    found = gru(inputs, hidden)
    total = inputs + gru.bias
    for row in range(2):
        h = hidden[row]
        u = torch.sigmoid(total[row, :4] + gru.gates[:, :4].T @ h)
        r = torch.sigmoid(total[row, 4:8] + gru.gates[:, 4:].T @ h)
        c = torch.tanh(total[row, 8:] + gru.candidate.T @ (r * h))
        torch.testing.assert_close(found[row], (1 - u) * h + u * c)
    torch_gru = nn.GRUCell(12, width)
    with torch.no_grad():
        torch_gru.weight_ih.copy_(torch.eye(12)[[*range(4, 8), *range(4), *range(8, 12)]])
        torch_gru.weight_hh.copy_(torch.cat([gru.gates[:, 4:].T, -gru.gates[:, :4].T,
                                             gru.candidate.T]))  # fmt: skip
    assert not torch.allclose(torch_gru(total, hidden), found, atol=1e-3)


@torch.no_grad()
def test_both_directions_of_paddles_encoder() -> None:
    """Against the two GRUs, each in a plain loop over the real positions."""
    decoder = captioner("ets_paddle").decoder
    assert isinstance(decoder, EtsPaddleDecoder)
    encoder = decoder.encoder
    for gru in (encoder.ahead, encoder.back):
        nn.init.normal_(gru.bias)
    x = torch.randn(2, 5, 32)
    mask = torch.tensor([[True, True, False, True, False], [True] * 5])
    found = encoder(x, mask)
    for video in range(2):
        real = mask[video].nonzero().flatten().tolist()
        h = torch.zeros(1, 16)
        for place in real:
            h = encoder.ahead(encoder.ahead_input(x[video, place])[None], h)
            torch.testing.assert_close(found[video, place, :16], h[0])
        h = torch.zeros(1, 16)
        for place in reversed(real):
            h = encoder.back(encoder.back_input(x[video, place])[None], h)
            torch.testing.assert_close(found[video, place, 16:], h[0])


def yao_size(c: int) -> int:
    """Of the shapes of the released code at dim 3,518, dim_word 468, 20,000 words."""
    shapes = [
        (20000, 468), (c, 3518), (3518,), (c, 3518), (3518,),  # embedding, first states
        (468, 14072), (3518, 14072), (14072,), (c, 14072),  # LSTM
        (c, c), (3518, c), (c,), (c, 1), (1,), (3518, 1), (1,),  # attention, context gate
        (3518, 468), (468,), (c, 468), (468,), (468, 20000), (20000,),  # words
    ]  # fmt: skip
    return sum(torch.Size(shape).numel() for shape in shapes)


PAPER = replace(CONFIG, width=3518, word_width=468, vocabulary=20000, dropout=0.5)


@pytest.mark.parametrize(("context", "total"), [(1024, 103_249_860), (1376, 112_928_452)])
def test_size_of_yaos_model(context: int, total: int) -> None:
    with torch.device("meta"):
        decoder = EtsYaoDecoder(PAPER, context)
    assert sum(p.numel() for p in decoder.parameters()) == yao_size(context) == total


@pytest.mark.long
@pytest.mark.parametrize("context", [1024, 1376])
def test_one_step_of_yaos_model_at_the_papers_shapes(context: int) -> None:
    torch.manual_seed(0)
    decoder = EtsYaoDecoder(PAPER, context)
    mask = torch.arange(28) < torch.tensor([28, 20])[:, None]
    positions, read = torch.rand(2, 28, context), torch.randint(4, 20000, (2, 6))
    read[:, 0] = BOS
    optimizer = torch.optim.Adadelta(decoder.parameters())
    losses = []
    for _ in range(2):
        out = decoder(decoder.encode(positions, mask), read[:, :-1])
        assert out.attention is not None
        loss = nn.functional.cross_entropy(out.logits.flatten(0, 1), read[:, 1:].flatten())
        loss = loss + 0.70602 * (1 - out.attention.sum(1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.abs().max() > 0 for p in decoder.parameters())
        optimizer.step()
        losses.append(float(loss))
    assert losses[1] < losses[0]


@torch.no_grad()
def test_yaos_equations() -> None:
    """One step in evaluation mode, written out for one video; dropout halves what it is on."""
    model = captioner("ets_yao2015", sharp=8.0, dropout=0.5)
    d = model.decoder
    assert isinstance(d, EtsYaoDecoder)
    for module in d.modules():
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.normal_(module.bias)
    memory = model.encode(*videos(1))
    ctx = memory["positions"][0]
    h, c = (torch.tanh(f(ctx.mean(0))) for f in (d.first_hidden, d.first_cell))
    emb = torch.zeros(6)  # of the first word, whatever <BOS>'s vector is
    read = torch.tensor([[BOS, 7]])
    logits = d(memory, read).logits[0]
    for i in range(2):
        e = torch.stack([d.score(torch.tanh(d.key(x) + d.query(h)))[0] for x in ctx])
        z = torch.sigmoid(d.gate(h)) * (e.softmax(0) @ ctx)
        pre = d.of_word(emb) + d.of_hidden(h) + d.of_context(z)
        gi, gf, go, g = pre[:16] / 2, pre[16:32] / 2, pre[32:48] / 2, pre[48:]
        c = gf.sigmoid() * c + gi.sigmoid() * g.tanh()
        h = go.sigmoid() * c.tanh()
        out = d.out(torch.tanh(d.hidden_out(h / 2) + emb + d.context_out(z)) / 2)
        torch.testing.assert_close(logits[i], out, rtol=1e-4, atol=1e-4)
        emb = d.embedding.weight[7]


def test_yaos_weights_at_the_start() -> None:
    decoder = EtsYaoDecoder(replace(CONFIG, width=64), 64)
    for matrix in (*decoder.of_hidden.weight.chunk(4), decoder.first_cell.weight):
        torch.testing.assert_close(matrix @ matrix.T, torch.eye(64))
    assert 0.008 < decoder.key.weight.std() < 0.012  # square, and yet not
    assert 0.008 < decoder.out.weight.std() < 0.012


def test_yaos_dropout_is_not_inverted() -> None:
    decoder = EtsYaoDecoder(replace(CONFIG, dropout=0.5), 8)
    x = torch.ones(4, 1000)
    assert (decoder.eval()._drop(x) == 0.5).all()
    dropped = decoder.train()._drop(x)
    assert set(dropped.flatten().tolist()) == {0.0, 1.0} and 0.4 < dropped.mean() < 0.6


@torch.no_grad()
def test_the_tutorial_as_published_says_a_word_a_frame() -> None:
    model = captioner("lstm", legacy_frame_aligned=True, positions="frames")
    assert isinstance(model.decoder, FrameAlignedDecoder)
    batch = videos(2, clips=(2, 1))  # 6 frames and 3
    memory = model.encode(*batch)
    logits = model.decoder(memory, words(2, 8)).logits
    chance = logits.softmax(2)[..., EOS]
    assert (chance[0, :6] < 0.9).all() and (chance[0, 6:] > 1 - 1e-6).all()
    assert (chance[1, :3] < 0.9).all() and (chance[1, 3:] > 1 - 1e-6).all()
    torch.testing.assert_close(logits, model.decoder(memory, words(2, 8).flip(1)).logits)
    positions, _ = model.inputs(*batch)
    plain = nn.Sequential(model.decoder.project, model.decoder.encoder)
    expected = model.decoder.out(plain(positions[:1])[0])
    torch.testing.assert_close(logits[0, :6], expected[0])


@torch.no_grad()
def test_the_tutorials_first_state_is_that_after_the_last_clip() -> None:
    """An LSTM over the real clips alone, in a plain loop; on a GPU cells step by step."""
    lstm = captioner("lstm").decoder.encoder
    assert isinstance(lstm, nn.LSTM)
    x, length = torch.randn(3, 5, 16), torch.tensor([5, 1, 3])
    hidden, cell = sequence.final_state(lstm, x, length)
    for row in range(3):
        h, c = lstm(x[row : row + 1, : length[row]])[1]
        torch.testing.assert_close(hidden[row], h[0, 0])
        torch.testing.assert_close(cell[row], c[0, 0])
    stepped = sequence.masked_final_state(lstm, x, length)
    torch.testing.assert_close(stepped, (hidden, cell))


def test_widths_that_cannot_be_shared() -> None:
    with pytest.raises(ValueError, match="multiple of 3 heads"):
        captioner("transformer", heads=3)


def test_transformer_ties_words_of_its_width() -> None:
    tied = captioner("transformer", word_width=16).decoder
    assert tied.out.weight is tied.embedding.weight
    assert tied.project.in_features == APPEARANCE + MOTION
