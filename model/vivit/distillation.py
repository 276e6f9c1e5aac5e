"""What a small network learns of a larger one that has been trained: its teacher."""

from torch import Tensor, nn

from model.layer.precision import at_least_float32


def soft_kl(logits: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """Divergence of a student's answer from its teacher's, KL(teacher || student), a scalar.

    The prediction loss of MiniViT (Zhang et al. 2022, section 3.3; Hinton et al. 2015): both
    softened by a temperature, times its square, so that gradients keep their size.  The mean over
    rows; the released code divides by classes, too.  logits, teacher (B, K).
    """
    student, wanted = (
        nn.functional.log_softmax(at_least_float32(x) / temperature, -1)
        for x in (logits, teacher.detach())
    )
    divergence = nn.functional.kl_div(student, wanted, reduction="batchmean", log_target=True)
    return divergence * temperature**2
