"""The texts of the lecture's report, in English and Japanese."""

from __future__ import annotations

__all__ = ["TEXTS"]

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Two autoencoders and 20,000 digits",
        "lead": (
            "A handwritten digit has 784 pixels. Two networks learn to reconstruct digits from "
            "codes of ten numbers: a nonlinear autoencoder, and a variational one, which also fits "
            "the distribution of the codes to a standard normal. Data, networks and training are "
            "those of the lecture, so the results should agree with it."
        ),
        "lead_all": (
            " The report continues with experiments that the lecture only mentions: a calibrated "
            "likelihood, convolution, denoising, codes as features, and anomaly detection."
        ),
        "unfinished": " This run is not finished. Missing: {names}.",
        "between": "; ",
        "numbers": "Comparison with the lecture",
        "numbers_caption": "Errors are squared errors per pixel; lower is better.",
        "numbers_note": (
            "Lecture: the value in the lecture's text. Rerun: the result of the lecture's code, "
            "run again. Loss / D is the lecture's loss of a sample divided by its 784 pixels: the "
            "squared error for the autoencoder, −2 ELBO without constants for the variational one."
        ),
        "quantity": "Quantity",
        "lecture": "Lecture",
        "rerun": "Rerun",
        "pca_train": "PCA, {size} components, error on training samples",
        "pca_test": "PCA, {size} components, error on test samples",
        "ae_train": "Autoencoder, loss / D, training samples",
        "ae_test": "Autoencoder, loss / D, test samples",
        "vae_train": "Variational, loss / D, training samples",
        "vae_test": "Variational, loss / D, test samples",
        "vae_mse": "Variational, error of reconstructions from the mean code, test samples",
        "vae_kl": "Variational, divergence of the code in nats, test samples",
        "vae_dead": "Variational, components under 0.1 nats, of ten",
        "digits": "The digits",
        "digits_alt": "The first fifty training images, handwritten digits.",
        "digits_caption": (
            "The first fifty of the 16,000 training images. There are many ways to write a one or "
            "a seven: the ten numbers of a code have to represent both the digit and its style."
        ),
        "autoencoder": "Nonlinear autoencoder",
        "autoencoder_lead": (
            "An encoder maps 784 pixels to ten numbers, and a decoder maps them back; both have "
            "1,000 hidden units. Training minimizes the squared error, without any constraint on "
            "the code. To generate images, a Gaussian is fitted to the training codes."
        ),
        "variational": "Variational autoencoder",
        "variational_lead": (
            "The encoder returns a mean and a standard deviation for each of the ten numbers, and "
            "training also moves the codes of all images towards one standard normal. "
            "Reconstructions become blurrier, because the likelihood assumes a variance of one for "
            "each pixel; in return, codes drawn from that normal can be decoded."
        ),
        "settings": "Settings",
    },
    "ja": {
        "title": "二つのオートエンコーダと 20,000 枚の手書き数字",
        "lead": (
            "手書き数字の画像 1 枚は 784 個の数値です．ここでは二つのネットワークに，画像を 10 個の"
            "数値に圧縮して復元することを学習させます．一つは非線形オートエンコーダ，もう一つは，コ"
            "ードの分布を標準正規分布に近づけながら学習する変分オートエンコーダ（VAE）です．データ"
            "，ネットワーク，学習方法はどれも講義と同じなので，結果の数値もほぼ同じになります．"
        ),
        "lead_all": (
            "後半では，講義で名前だけが挙げられている発展的な話題（分散の学習，畳み込み，ノイズ除去"
            "，特徴量，異常検知）も試します．"
        ),
        "unfinished": "この実行はまだ終わっていません．残りは次のとおりです：{names}．",
        "between": "；",
        "numbers": "講義の数値との比較",
        "numbers_caption": "誤差は画素あたりの二乗誤差で，小さいほど良い再構成です．",
        "numbers_note": (
            "「講義」は講義ノートの本文にある値，「再実行」は講義ノートのコードをもう一度実行した"
            "値です．「損失 / D」は 1 件の損失を画素数 784 で割ったもので，オートエンコーダでは"
            "二乗誤差，VAE では定数を除いた −2 ELBO です．"
        ),
        "quantity": "項目",
        "lecture": "講義",
        "rerun": "再実行",
        "pca_train": "PCA（{size} 次元）再構成誤差，学習データ",
        "pca_test": "PCA（{size} 次元）再構成誤差，テストデータ",
        "ae_train": "オートエンコーダ，損失 / D，学習データ",
        "ae_test": "オートエンコーダ，損失 / D，テストデータ",
        "vae_train": "VAE，損失 / D，学習データ",
        "vae_test": "VAE，損失 / D，テストデータ",
        "vae_mse": "VAE，近似事後分布の平均による再構成誤差，テストデータ",
        "vae_kl": "VAE，KLダイバージェンス（nat），テストデータ",
        "vae_dead": "VAE，KLダイバージェンスが 0.1 nat 未満の成分の数（10 個中）",
        "digits": "データ",
        "digits_alt": "学習データの最初の 50 枚の手書き数字．",
        "digits_caption": (
            "学習データ 16,000 枚の最初の 50 枚．1 や 7 だけでもいろいろな書き方があります．10 個の"
            "数値からなるコードは，どの数字かだけでなく，どう書かれたかも表さなければなりません．"
        ),
        "autoencoder": "非線形オートエンコーダ",
        "autoencoder_lead": (
            "エンコーダが 784 画素を 10 個の数値に変換し，デコーダがそれを元に戻します．中間層はど"
            "ちらも 1,000 ユニットです．二乗誤差が小さくなるように学習するだけで，コードの分布には"
            "何も求めません．生成には，学習データのコードに当てはめた正規分布を使います．"
        ),
        "variational": "変分オートエンコーダ（VAE）",
        "variational_lead": (
            "今度はエンコーダが 10 個の成分それぞれの平均と標準偏差を出力し，学習ではすべての画像の"
            "コードを一つの標準正規分布に近づけます．画素の分散を 1 と仮定しているため，再構成はぼ"
            "やけます．その代わり，標準正規分布からサンプリングしたコードをそのままデコードできます"
            "．"
        ),
        "settings": "設定",
    },
}
