# The course in a container: docker build --tag course . && docker run --rm -p 127.0.0.1:8888:8888 course
# With an NVIDIA GPU: --build-arg TORCH_INDEX=https://pypi.org/simple (PyPI's is the CUDA build), then `docker run --gpus all …`.
FROM python:3.12-slim-bookworm

# pip takes torch from here: the small build for processors, unless another is asked for.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# "yes" renders the pictures, clips and sounds of the world into the image, for a class that starts at once.
ARG WORLD=no

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN useradd --create-home --uid 1000 student && install --directory --owner=student /course

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/course/.venv/bin:$PATH
USER 1000
WORKDIR /course

# What is large and seldom changes comes first: a change of the course's code repeats none of it.
COPY --chown=student constraints.txt ./
RUN python -m venv .venv \
    && grep -E '^(torch|torchvision|numpy|pillow)==' constraints.txt > large.txt \
    && pip install --extra-index-url "$TORCH_INDEX" -r large.txt
COPY --chown=student pyproject.toml README.md LICENSE ./
RUN mkdir course_lib && touch course_lib/__init__.py \
    && pip install -c constraints.txt -e '.[lab,hub,scale]'
COPY --chown=student . .
RUN if [ "$WORLD" = yes ]; then course data build world world:cells world:clips world:sounds; fi

# Inside, the server has to listen to more than the loopback address; -p 127.0.0.1:8888:8888 keeps others out.
# The log shows the address with its token.
EXPOSE 8888
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8888/api')"]
CMD ["course", "lab", "--no-browser", "--ip=0.0.0.0", "--port=8888"]
